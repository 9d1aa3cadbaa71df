"""A change of one format prepares datasets of that format again, and nothing else."""

from importlib.util import find_spec
from pathlib import Path

from workflow import ROOT
from xct4d.readers.registry import FORMATS
from xct4d.workflow.digest import imported_modules

MODULES = [entry.partition(":")[0] for entry in FORMATS]


def counted(script: str) -> list[str]:
    return imported_modules(ROOT / "workflow" / "scripts" / script, ROOT)


def test_preparing_counts_no_format_by_itself():
    rooms = {module.rpartition(".")[0] for module in MODULES}
    assert len(rooms) == len(MODULES)
    found = counted("prepare.py")
    assert "xct4d.readers.reader" in found
    assert "xct4d.readers.registry" not in found  # a format more is a line more in it
    assert not [module for module in found if any(module.startswith(room) for room in rooms)]


def test_a_format_counts_what_it_reads_with():
    origin = Path(find_spec("xct4d.readers.reference.reader").origin)
    found = imported_modules(origin, ROOT)
    assert {"xct4d.readers.reference.cameras", "xct4d.readers.images", "xct4d.io.paths"} <= set(found)
    assert "xct4d.readers.nikon.reader" not in found


def test_training_a_canonical_field_counts_no_phantom():
    assert not [module for module in counted("canonical.py") if module.startswith("xct4d.phantom")]
    assert "xct4d.phantom.crossings" in counted("rasterise.py")
