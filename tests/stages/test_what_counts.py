"""Which modules count in a stage's digest: a change where a stage cannot feel it reruns nothing."""

import pytest

from workflow import ROOT
from xct4d.workflow.digest import imported_modules

CANNOT_MATTER = {
    "canonical": [
        "fields.velocity",
        "fields.carried",
        "fields.mixers",
        "fields.evolution",
        "training.tasks.velocity",
        "training.tasks.mixing",
        "report",
        "analysis",
        "units",
        "quantities",
    ],
    "calibrate": ["fields.density", "fields.velocity", "fields.mixers", "training", "report", "analysis", "units", "quantities", "readers"],
    "register": ["fields.density", "fields.mixers", "training.loop", "training.tasks", "report", "analysis", "units", "quantities"],
    "velocity": [
        "fields.density",
        "fields.tiny",
        "fields.mixers",
        "fields.evolution",
        "phantom",
        "training.tasks.canonical",
        "report",
        "analysis",
        "units",
        "quantities",
    ],
    "mixing": ["fields.density", "fields.tiny", "fields.evolution", "phantom", "training.tasks.velocity", "report", "analysis", "units"],
    "export": ["training", "phantom", "report", "analysis"],
    "evaluate": ["training.loop", "training.tasks", "training.losses", "report.page", "report.tables", "report.model_figures"],
    "report": ["training", "reconstruction", "readers"],
}


@pytest.mark.parametrize("stage", CANNOT_MATTER)
def test_what_cannot_matter_does_not_count(stage):
    found = imported_modules(ROOT / "workflow" / "scripts" / f"{stage}.py", ROOT)
    assert f"xct4d.stages.{stage}" in found
    for module in CANNOT_MATTER[stage]:
        assert (ROOT / "xct4d" / module.replace(".", "/")).with_suffix(".py").is_file() or (
            ROOT / "xct4d" / module.replace(".", "/")
        ).is_dir(), module
        assert not [name for name in found if f"{name}.".startswith(f"xct4d.{module}.")], module
