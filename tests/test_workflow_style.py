"""The workflow is one that other people's tools and eyes can read."""

from __future__ import annotations

import re
import subprocess
import sys
from types import SimpleNamespace

import pytest
import yaml

from workflow import ROOT, snakemake

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


def test_every_rule_has_a_log_a_benchmark_a_message_and_resources(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # Snakemake leaves its folder where it is
    tree = {"datasets": {"tiny": {"input": {"scene": "tiny"}}, "one": {"input": {"scene": "tiny"}, "export": {"kinds": ["mixed"]}}}}
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(tree))
    found = {rule.name: rule for rule in rules(tmp_path / "c.yaml")}
    assert set(found) == {"simulate", "prepare", "rasterise", "canonical", "velocity", "mixing", "export", "export_mixed", "series", "evaluate", "report"}
    for rule in found.values():
        wildcards = set(rule.wildcard_names)
        assert rule.message, rule.name
        assert {"mem_mb", "runtime"} <= set(rule.resources), rule.name
        # one file per job: a log that two jobs share would lose lines
        assert len(rule.log) == 1, rule.name
        assert rule.log[0].get_wildcard_names() == wildcards, rule.name
        assert rule.benchmark.get_wildcard_names() == wildcards, rule.name


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
    assert computing == {"canonical", "velocity", "mixing", "export", "evaluate"}
    for name in computing:
        assert found[name].resources["gpu"].evaluate(wildcards).value == (device == "cuda")
        assert found[name].resources["device"].evaluate(wildcards).value == device


def test_the_rule_graph_shows_stages_by_their_names(tmp_path):
    done = snakemake("--rulegraph", *TINY, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert set(re.findall(r'label = "(\w+)"', done.stdout)) == {
        "all", "simulate", "prepare", "canonical", "velocity", "mixing", "export", "series", "evaluate", "report"
    }  # fmt: skip


@pytest.mark.parametrize("key", ["conda", "apptainer", "apptainer+conda", "report"])
def test_the_catalogue_entry_has_the_keys_that_the_catalogue_reads(key):
    entry = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text())
    assert isinstance(entry["usage"]["software-stack-deployment"][key], bool)
    assert (ROOT / "config" / "README.md").is_file()
