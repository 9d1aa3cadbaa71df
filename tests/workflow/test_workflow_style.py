"""The workflow is one that other people's tools and eyes can read."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from tiny_dataset import make

from workflow import ROOT, reasons, snakemake
from xct4d.config import Analyse
from xct4d.directions import RECONSTRUCTIONS, SCAN_TIME
from xct4d.workflow.stages import STAGES

TINY = ("--configfile", str(ROOT / "config" / "tiny.yaml"))


def test_lint_finds_nothing(tmp_path):
    done = snakemake("--lint", *TINY, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "in a good condition" in done.stdout + done.stderr


def test_snakefmt_would_change_nothing():
    done = subprocess.run([sys.executable, "-m", "snakefmt", "--check", "workflow"], check=False, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def rules(configuration):
    """The parsed rules that run something."""
    from snakemake.api import SnakemakeApi
    from snakemake.settings.types import ConfigSettings, OutputSettings, ResourceSettings, StorageSettings

    with SnakemakeApi(OutputSettings(quiet={"all"})) as api:
        workflow = api.workflow(
            snakefile=ROOT / "workflow" / "Snakefile", resource_settings=ResourceSettings(cores=1),
            config_settings=ConfigSettings(configfiles=[configuration]), storage_settings=StorageSettings(),
        )  # fmt: skip
        parsed = workflow._workflow  # the public interface only runs it
        return [rule for rule in parsed.rules if not rule.norun]


def test_every_rule_has_a_message_and_resources(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # Snakemake leaves its folder where it is
    tree = {"datasets": {"tiny": {"input": {"scene": "tiny"}}, "one": {"input": {"scene": "tiny"}, "export": {"kinds": ["mixed"]}}}}
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(tree))
    found = {rule.name: rule for rule in rules(tmp_path / "c.yaml")}
    assert set(found) == {*STAGES, "export_mixed"}
    for rule in found.values():
        assert rule.message, rule.name
        assert {"mem_mb", "runtime"} <= set(rule.resources), rule.name


def plain(path) -> str:
    """A pattern without the constraints of its wildcards."""
    return re.sub(r"{(\w+),[^{}]*(?:{\d+})?[^{}]*}", r"{\1}", str(path))


@pytest.mark.parametrize("stage", STAGES.values(), ids=list(STAGES))
def test_a_rule_keeps_to_the_table_of_stages(tmp_path, monkeypatch, stage):
    monkeypatch.chdir(tmp_path)
    found = {rule.name: rule for rule in rules(ROOT / "config" / "tiny.yaml")}
    assert set(found) == set(STAGES)
    rule = found[stage.name]
    folders = {f"results/{{dataset}}/{stage.output}"}
    values = {"kind": RECONSTRUCTIONS, "quantity": Analyse().quantities, "part": (*SCAN_TIME, "motion")}
    for joined in stage.joined:
        folders = {folder.replace(f"{{{joined}}}", value) for folder in folders for value in values[joined]}
    assert set(map(plain, rule.output)) == folders
    # one file per job: a log that two jobs share would lose lines
    assert [plain(log) for log in rule.log] == [f"results/{{dataset}}/logs/{stage.job}.log"]
    assert plain(rule.benchmark) == f"results/{{dataset}}/benchmarks/{stage.job}.tsv"
    assert ("gpu" in rule.resources, "device" in rule.resources) == (stage.on_device, stage.on_device)
    assert ("checkpoint" in rule.params.keys(), "checkpoint_every" in rule.resources) == (stage.trains, stage.trains)  # noqa: SIM118
    assert Path(rule.script).name == f"{stage.name}.py"


def test_jobs_read_what_the_table_says(tmp_path):
    """A sweep shares outputs by the table: an input that it does not name would be another variant's."""
    (make(tmp_path / "data") / "ball.yaml").write_text("{type: sphere, center: [0, 0, 0], radius: 0.3, rho: 1.0}")
    known = {
        "input": {"folder": "data", "forward_volume": {"path": "ball.yaml"}},
        "canonical": {"volume_weight": 0.1},
        "refinement": {"steps": 5},
    }
    tree = {
        "datasets": {"scene": {"input": {"scene": "tiny"}, "setup": {"sources": 1}, "sweep": {"seed": [0, 1]}}, "known": known},
        "mixing": {"method": "spline"},
        "export": {"times": [0, 1], "formats": ["npz"]},
    }
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(tree))
    stage_of = {STAGES[name].folder.split("/")[0]: name for name in STAGES}
    read = {}
    for job, reason in reasons("--configfile", "c.yaml", cwd=tmp_path).items():
        inputs = re.findall(r"results/[\w~=]+/(\w+)", reason.partition("Input files updated by another job: ")[2])
        stage = job.split(": ")[1].split()[0]
        read.setdefault(stage, set()).update(stage_of[folder] for folder in inputs)
    read["velocity"].remove("velocity")  # a level reads the coarser one
    assert read == {name: set(stage.reads) for name, stage in STAGES.items()}


@pytest.mark.parametrize("device", ["auto", "cpu", "cuda"])
def test_the_device_chooses_the_environment_and_asks_for_a_gpu(tmp_path, monkeypatch, device):
    """By the configuration alone: the machine that reads the workflow need not be the one that computes."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.yaml").write_text(yaml.safe_dump({"datasets": {"tiny": {"input": {"scene": "tiny"}}}, "device": device}))
    wildcards = SimpleNamespace(dataset="tiny")
    found = {rule.name: rule for rule in rules(tmp_path / "c.yaml")}
    for rule in found.values():
        assert rule.conda_env(wildcards) == f"../envs/{'cuda' if device == 'cuda' else 'cpu'}.yaml"
        assert (ROOT / "workflow" / "rules" / rule.conda_env(wildcards)).is_file()
    computing = {name for name, rule in found.items() if "gpu" in rule.resources}
    assert computing == {name for name, stage in STAGES.items() if stage.on_device}
    for name in computing:
        assert found[name].resources["gpu"].evaluate(wildcards).value == (device == "cuda")
        assert found[name].resources["device"].evaluate(wildcards).value == device


def test_the_rule_graph_shows_stages_by_their_names(tmp_path):
    done = snakemake("--rulegraph", *TINY, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert set(re.findall(r'label = "(\w+)"', done.stdout)) == {"all", *STAGES} - {
        "rasterise",
        "convert",
        "expose",
        "refine",
        "compare",
    }  # no known volume, no further format, no other set-up, no joint refinement, no sweep


@pytest.mark.parametrize("key", ["conda", "apptainer", "apptainer+conda", "report"])
def test_the_catalogue_entry_has_the_keys_that_the_catalogue_reads(key):
    entry = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text())
    assert isinstance(entry["usage"]["software-stack-deployment"][key], bool)
    assert (ROOT / "config" / "README.md").is_file()
