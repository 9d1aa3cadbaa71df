"""Parameters of rules as Snakemake's own report may show them."""

import json

from xct4d.workflow.parameters import without_markup


def test_values_come_back_and_hold_no_markup():
    values = {"scene": "</script>&amp;'\"\\u003c.yaml", "times": [0.0, 0.5], "folder": None}
    text = without_markup(values)
    assert json.loads(text) == values
    assert not set("<>&'") & set(text)
