"""The first line of a page."""

import pytest

from xct4d.report.headline import headline
from xct4d.units import Scale

LOST = "not determined: the motion leaves 3.00 times as much"
EXCEPT = "determined except 12% of the material, whose displacement is uncertain by more than 0.01 mm"


def entry(t, verdict, uncertain=0.0):
    return {"time": t, "trust": {"verdict": verdict, "uncertain": uncertain, "displacement_deviation": {"rms": 0.002}}}


def said(*entries, **more):
    return headline({"static": False, "times": list(entries), **more}, Scale(5.0))


@pytest.mark.parametrize(
    ("verdicts", "tone", "words"),
    [
        (["determined"] * 3, "good", "The motion is determined at all 3 times."),
        (["determined", EXCEPT, "determined"], "partly", f"The motion is {EXCEPT.replace('except', 'except, at t = 0.5,')}."),
        (["determined", LOST, EXCEPT], "bad", "The motion is not determined at t = 0.5: the motion leaves 3.00 times as much."),
        ([LOST] * 3, "bad", "The motion is not determined at any of 3 times: the motion leaves 3.00 times as much."),
    ],
)
def test_the_worst_time_decides(verdicts, tone, words):
    head = said(*(entry(t, verdict) for t, verdict in zip((0.0, 0.5, 1.0), verdicts, strict=True)))
    assert (head.tone, head.verdict) == (tone, words)
    assert "truth is not known" in head.beside


def test_a_known_error_stands_beside_the_deviation_that_is_stated():
    scored = [entry(t, "determined") | {"displacement_error": {"mean": t / 50, "true_mean": t / 10}} for t in (0.5, 1.0)]
    head = said(*scored)
    assert head.tone == "good"
    assert "wrong by 0.1 mm on average at t = 1" in head.beside
    assert "material has moved by 0.5 mm" in head.beside
    assert "standard deviation is 0.01 mm" in head.beside


def test_measured_volumes_stand_for_a_truth_whose_motion_is_not_known():
    scored = [entry(t, "determined") | {"correlation": {"mixed": value}} for t, value in ((0.25, 0.98), (0.5, 0.9512))]
    head = said(*scored, entry(1.0, "determined") | {"correlation": None})
    assert head.beside == "The correlation with measured volumes is 0.9512 at t = 0.5, where it is worst of 2 times."


def test_a_scan_at_rest_has_no_motion_to_trust():
    metrics = {"static": True, "times": [{"time": 0.0}], "held_out": {"mean": {"count": 2, "psnr": 31.25, "ssim": 0.9}}}
    head = headline(metrics, Scale())
    assert head.tone == "none"
    assert head.verdict == "A scan at rest: nothing moves. Held-out projections are predicted with a PSNR of 31.2 dB."
