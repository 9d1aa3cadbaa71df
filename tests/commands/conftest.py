"""What the tests of several commands use."""

import pytest
from finished_result import make

from xct4d.units import Scale


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """A folder with two finished results: `known`, whose motion is a steady drift, and `still`, of one scan."""
    folder = tmp_path_factory.mktemp("results")
    make(folder, "known", scale=Scale(3.0, 8.0))
    make(folder, "still", static=True)
    return folder
