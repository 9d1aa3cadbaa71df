"""expose: the sequence of a scene as another set-up takes it, between the scans that are there."""

from __future__ import annotations

from pathlib import Path

from xct4d.config import Setup
from xct4d.errors import InputError
from xct4d.io.atomic import atomic_folder
from xct4d.io.digests import check_folder
from xct4d.phantom.dataset import scan_images, write_dataset
from xct4d.phantom.scenes import load_scene


def expose(scene: Path, setup: Setup, simulated: Path, output: Path) -> None:
    """Write a dataset in the reference format whose sequence is that of the set-up.

    scene: the description (.yaml, .json). simulated: what `simulate` made of
    it; the images of its two scans get a second name in `output`, a folder.
    The same scene and set-up give the same bytes. Raises InputError where they
    do not fit, `simulated` is damaged or the folder cannot be written.
    """
    placed = load_scene(scene)
    try:
        other = placed.with_setup(setup)
    except InputError as error:
        raise InputError(str(error), where=scene) from None
    check_folder(simulated)
    scans = {place: simulated / own for place, own in zip(scan_images(other), scan_images(placed), strict=True)}
    with atomic_folder(output) as folder:
        write_dataset(other, folder, "expose", scans)
