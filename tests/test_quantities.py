"""Quantities: told apart, shown in windows that fit them, and cheap to know of."""

import re
import subprocess
import sys

import matplotlib
import pytest

from xct4d.quantities import (
    ANALYSED,
    ATTENUATION,
    BY_NAME,
    DISPLACEMENT,
    MIXING_COEFFICIENT,
    QUANTITIES,
    VELOCITY,
    Display,
    Quantity,
    labelled,
)
from xct4d.units import NUMBER, Scale


def test_names_and_labels_tell_quantities_apart():
    assert len({quantity.name for quantity in QUANTITIES}) == len({quantity.label for quantity in QUANTITIES}) == len(QUANTITIES)
    for quantity in QUANTITIES:
        assert re.fullmatch("[a-z_]+", quantity.name)  # it stands in names of files
        assert labelled(quantity.label) is quantity
        assert quantity.display.colour_map in matplotlib.colormaps
    with pytest.raises(KeyError):
        labelled("temperature")


def test_units():
    scale = Scale(unit_mm=2.0, duration_s=4.0)
    assert {quantity.name: unit for quantity in QUANTITIES if (unit := quantity.unit(scale)) != "1"} == {
        "attenuation": "1/mm", "displacement": "mm", "displacement_uncertainty": "mm", "lagrangian_displacement": "mm", "velocity": "mm/s",
    }  # fmt: skip
    assert [quantity.factor(scale) for quantity in (ATTENUATION, DISPLACEMENT, VELOCITY, MIXING_COEFFICIENT)] == [0.5, 2.0, 0.5, 1.0]


def test_a_viewer_shows_a_channel_for_each_component():
    assert ATTENUATION.channels == [("attenuation", "FFFFFF")]
    assert MIXING_COEFFICIENT.channels == [("mixing coefficient", "FFFFFF")]
    assert DISPLACEMENT.channels == [("displacement x", "FF0000"), ("displacement y", "00FF00"), ("displacement z", "0000FF")]
    strain = Quantity(
        name="strain", label="strain", description="", dimension=NUMBER, components=("xx", "yy", "zz", "yz", "xz", "xy"), display=Display(colour_map="RdBu_r")
    )  # fmt: skip
    assert [label for label, _ in strain.channels] == ["strain xx", "strain yy", "strain zz", "strain yz", "strain xz", "strain xy"]


@pytest.mark.parametrize(
    ("display", "data", "window"),
    [
        (ATTENUATION.display, (0.2, 3.0), (0.0, 3.0)),  # from no attenuation at all
        (ATTENUATION.display, (-0.1, 3.0), (-0.1, 3.0)),
        (ATTENUATION.display, (0.0, 0.0), (0.0, 1.0)),
        (DISPLACEMENT.display, (-0.1, 0.3), (-0.3, 0.3)),  # no displacement in the middle
        (DISPLACEMENT.display, (-0.3, -0.1), (-0.3, 0.3)),
        (DISPLACEMENT.display, (0.0, 0.0), (-1.0, 1.0)),
        (MIXING_COEFFICIENT.display, (0.4, 0.6), (0.0, 1.0)),
        (Display(colour_map="RdBu_r", centre=1.0), (0.8, 1.1), (0.8, 1.2)),
    ],
)
def test_windows(display, data, window):
    assert display.window(*data) == pytest.approx(window)


def test_they_are_known_without_numpy_and_torch():
    """The Snakefile asks for quantities and units on every run."""
    script = "import sys, xct4d.quantities, xct4d.units; print(sorted({'numpy', 'torch', 'numba', 'pydantic', 'zarr'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_analyse_can_write_are_quantities_each_known_by_its_name():
    assert set(ANALYSED) < set(BY_NAME)
    assert len(BY_NAME) == len(QUANTITIES) == len({quantity.label for quantity in QUANTITIES})
