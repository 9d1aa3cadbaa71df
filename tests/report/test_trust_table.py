"""The table of trust on a result's page."""

from xct4d.report.page import Page
from xct4d.report.tables import add_trust
from xct4d.units import Scale


def test_it_shows_the_verdict_of_each_time_in_the_dataset_s_unit():
    trust = {
        "verdict": "not determined: why",
        "normalised_residual": 1.9,
        "displacement_deviation": {"rms": 0.004, "p95": 0.01},
        "uncertain": 0.2,
    }
    page = Page("balls")
    add_trust(page, {"times": [{"time": 0.5, "trust": trust}]}, Scale(5.0, None))
    for text in ("deviation (mm)", "<td>0.0200</td>", "<td>1.90</td>", "not determined: why"):
        assert text in page.html


def test_a_result_that_does_not_move_has_none():
    page = Page("ball")
    add_trust(page, {"times": [{"time": 0.0}]}, Scale())
    assert "Trust" not in page.html
