"""A few kills; the long campaign is `python -m benchmarks.kills`."""

import random

from benchmarks import kills
from benchmarks.kills import STAGES, VICTIMS, campaign, planned
from workflow import FORKING_JOBS


def test_a_campaign_kills_everything_in_every_stage():
    found = [kill for chain in planned(6 * len(STAGES), random.Random(0)) for kill in chain]
    assert {(kill.stage, kill.at_end) for kill in found} == {(stage, at_end) for stage in STAGES for at_end in (True, False)}
    assert {(kill.stage, kill.victim) for kill in found} == {(stage, victim) for stage in STAGES for victim in VICTIMS}


def test_nothing_is_lost_or_repeated(tmp_path, monkeypatch):
    monkeypatch.setattr(kills, "SNAKEMAKE", FORKING_JOBS)
    found = campaign(tmp_path / "kills", kills=3, seed=1)
    assert found.wrong == []
    assert sum(found.kills.values()) == 3
