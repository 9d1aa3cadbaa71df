"""4D X-ray CT of things that deform too fast to scan.

    import xct4d

    result = xct4d.open("results/balls")
    result.attenuation([[0.0, 0.0, 0.0]], t=0.5)

The workflow (Snakemake) makes results; `open` reads them. docs/python.md shows
all that a result gives. Importing this package imports nothing else and changes
nothing: each public name is loaded when it is first used (PEP 562). Its types
are in __init__.pyi.
"""

_PUBLIC = {
    "InputError": ("xct4d.errors", "InputError"),
    "Result": ("xct4d.result", "Result"),
    "__version__": ("xct4d.version", "VERSION"),
    "open": ("xct4d.result", "open_result"),
}
__all__ = list(_PUBLIC)


def __getattr__(name: str) -> object:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    module, attribute = _PUBLIC[name]
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
