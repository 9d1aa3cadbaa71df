"""The projections of a scan that has an image file for each."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from xct4d.readers.circular import Circle
from xct4d.readers.counts import ImageCounts, Normalisation


def image_projections(
    description: Path,  # the file that describes the scan, for messages
    images: Sequence[Path],  # in the order of recording
    folder: Path,  # the dataset's
    geometry: Circle,
    azimuth_deg: Sequence[float],
    normalisation: Normalisation,
    *,
    start_s: Sequence[float] | None = None,
    exposure_s: float | None = None,
    turn_deg: float | None = None,  # of the stage during an exposure
    drift_px: Sequence[tuple[float, float]] | None = None,
) -> list[ImageCounts]:
    """One projection for each image."""
    return [
        ImageCounts(
            name=os.path.relpath(image, folder),
            where=f"{description}: projection {k + 1} ({image.name})",
            **geometry.placed(azimuth_deg[k]),
            start_s=None if start_s is None else start_s[k],
            exposure_s=exposure_s,
            turn_deg=turn_deg,
            drift_px=None if drift_px is None else drift_px[k],
            path=image,
            normalisation=normalisation,
            place=k,
        )
        for k, image in enumerate(images)
    ]
