from xct4d.errors import InputError as InputError
from xct4d.result import Result as Result
from xct4d.result import open_result as open  # noqa: A004 - called as xct4d.open

__version__: str
__all__ = ["InputError", "Result", "__version__", "open"]
