"""What lies in a dataset and is not used: it may have been meant to be."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from xct4d.config import Input
from xct4d.config.input import VOXEL_FILES, VolumeFile

IMAGES = (".png", ".tif", ".tiff", ".jpg", ".jpeg")


def unused_images(folder: Path, used: Iterable[Path]) -> list[str]:
    """Notes on images that nothing lists, in a dataset's folder, in those within it, and beside the images that are used.

    used: images that are, links followed. Files that begin with a dot, as a Mac
    leaves them beside others, do not count.
    """
    folder, used = Path(folder), set(used)
    places = [folder, *(path for path in sorted(folder.iterdir()) if path.is_dir() and not path.name.startswith("."))]
    known = {path.resolve() for path in places}
    places += [path for path in sorted({image.parent for image in used}) if path not in known]
    left: list[Path] = []
    folders = 0
    for place in places:
        lying = [path for path in sorted(place.iterdir()) if path.suffix.lower() in IMAGES and not path.name.startswith(".")]
        lying = [path for path in lying if path.resolve() not in used]
        folders += bool(lying)
        left += lying
    if not left:
        return []
    shown = left[0].relative_to(folder) if left[0].is_relative_to(folder) else left[0]
    return [f"not used: {len(left)} images that nothing lists{f', in {folders} folders' if folders > 1 else ''}, such as {shown}"]


def unused_volumes(folder: Path, options: Input) -> list[str]:
    """Notes on volumes of voxels in a dataset's folder that the configuration does not name."""
    named = named_volumes(folder, options)
    if options.scene is not None or any(path.suffix.lower() not in VOXEL_FILES for path in named):  # objects name voxels of their own
        return []
    lying = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in VOXEL_FILES and not path.name.startswith(".")]
    return [
        f"{path.name}: a volume is used where the configuration names it, or canonical.volume_weight finds it"
        for path in lying
        if path not in named
    ]


def named_volumes(folder: Path, options: Input) -> list[Path]:
    """Files of the known volumes and of the truth, as the configuration has them."""
    named: list[VolumeFile | None] = [options.forward_volume, options.backward_volume]
    if options.truth is not None:
        named += [options.truth.object, *options.truth.volumes]
    return [folder / volume.path for volume in named if volume is not None]
