"""What the tests of several commands use."""

import pytest
from finished_result import make, without_second_scan

from xct4d.units import Scale


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """A folder with finished results: `known`, whose motion is a steady drift, `still`, of one scan, and `followed`, as `known` without a second scan."""
    folder = tmp_path_factory.mktemp("results")
    make(folder, "known", scale=Scale(3.0, 8.0))
    make(folder, "still", static=True)
    without_second_scan(folder, "known")
    return folder
