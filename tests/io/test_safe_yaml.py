"""A YAML file is data: reading one calls nothing."""

from __future__ import annotations

import pytest

from workflow import snakemake
from xct4d.errors import InputError
from xct4d.phantom.scenes import load_scene
from xct4d.phantom.shapes import load_object

CALL = "!!python/object/apply:os.mkdir [made]"


@pytest.mark.parametrize("load", [load_object, load_scene], ids=["object", "scene"])
def test_a_description_that_calls_a_function_is_refused(tmp_path, monkeypatch, load):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d.yaml").write_text(f"type: sphere\nobject: {CALL}\n")
    with pytest.raises(InputError, match=r"d\.yaml: is not valid YAML .*os\.mkdir"):
        load(tmp_path / "d.yaml")
    assert not (tmp_path / "made").exists()


def test_a_configuration_that_calls_a_function_is_refused(tmp_path):
    (tmp_path / "c.yaml").write_text(f"datasets: {CALL}\n")
    run = snakemake("--dry-run", "--configfile", "c.yaml", cwd=tmp_path)
    assert run.returncode == 1
    assert "not valid JSON or YAML" in run.stdout + run.stderr
    assert not (tmp_path / "made").exists()
