"""Volumes of several times joined into one OME-Zarr 0.5 image with axes t, z, y, x.

A chunk of the series is one time's chunk of a volume, byte for byte: nothing is
computed, and where the file system allows it the two are the same file under two
names. Volumes are only ever replaced whole, so neither name can change the
other's content.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from xct4d.errors import InputError
from xct4d.io.ome_zarr import open_volume

EVEN = 1e-6  # of the mean step: times this even have a scale


def join(times: Sequence[float], volumes: Sequence[Path], folder: Path, duration_s: float | None) -> None:
    """Write the series of volumes that VolumeWriter wrote, one per time, into a folder that is not there yet.

    The folder's name without .zarr is the image's. times: rising, in [0, 1]. duration_s: seconds from t = 0 to t = 1. OME-Zarr
    knows one step between times: where they are uneven, its time axis counts
    them, and the attributes of `xct4d` hold the times themselves. Raises
    InputError where a volume is damaged or differs from the first in shape,
    type or, for whole numbers, window.
    """
    for volume in volumes:
        open_volume(volume)  # whole, and of this program
    groups = [json.loads((volume / "zarr.json").read_text()) for volume in volumes]
    first = groups[0]["attributes"]
    levels = [dataset["path"] for dataset in first["ome"]["multiscales"][0]["datasets"]]
    folder.mkdir()
    for level in levels:
        arrays = [json.loads((volume / level / "zarr.json").read_text()) for volume in volumes]
        for volume, array in zip(volumes, arrays, strict=True):
            if array != arrays[0]:
                raise InputError(f"differs in shape or type from {volumes[0]}", where=volume, fix="delete both and export again")
        (folder / level).mkdir()
        (folder / level / "zarr.json").write_text(json.dumps(_array(arrays[0], len(times)), indent=2))
        for index, volume in enumerate(volumes):
            for chunk in sorted((volume / level / "c").rglob("*")):
                if chunk.is_file():
                    _same(chunk, folder / level / "c" / str(index) / chunk.relative_to(volume / level / "c"))
    own = [group["attributes"]["xct4d"] for group in groups]
    if arrays[0]["data_type"].startswith("uint") and any(each["window"] != own[0]["window"] for each in own):
        raise InputError("its whole numbers mean other attenuations from time to time", where=folder, fix="set export.window, or export.series: false")
    attributes = {"ome": _ome(folder.name.removesuffix(".zarr"), first["ome"], [group["attributes"]["ome"] for group in groups], times, duration_s), "xct4d": _own(own, times, duration_s)}
    (folder / "zarr.json").write_text(json.dumps(groups[0] | {"attributes": attributes}, indent=2))


def _array(one: dict[str, Any], count: int) -> dict[str, Any]:
    """Metadata of the array of `count` such arrays, each a chunk along t."""
    grid = one["chunk_grid"]
    shape = {"chunk_shape": [1, *grid["configuration"]["chunk_shape"]]}
    return one | {
        "shape": [count, *one["shape"]],
        "chunk_grid": grid | {"configuration": grid["configuration"] | shape},
        "codecs": [_codec(codec) for codec in one["codecs"]],
        "dimension_names": ["t", *one["dimension_names"]],
    }


def _codec(codec: dict[str, Any]) -> dict[str, Any]:
    if codec["name"] != "sharding_indexed":
        return codec
    inner = codec["configuration"]
    return codec | {"configuration": inner | {"chunk_shape": [1, *inner["chunk_shape"]]}}


def _same(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without links
        shutil.copyfile(source, target)


def _ome(name: str, one: dict[str, Any], each: list[dict[str, Any]], times: Sequence[float], duration_s: float | None) -> dict[str, Any]:
    scales = one["multiscales"][0]
    steps = np.diff(times)
    even = np.ptp(steps) <= EVEN * steps.mean()
    seconds = 1.0 if duration_s is None else duration_s
    step, start = (float(steps.mean()) * seconds, float(times[0]) * seconds) if even else (1.0, 0.0)
    axis = {"name": "t", "type": "time"} | ({"unit": "second"} if even and duration_s is not None else {})
    datasets = []
    for dataset in scales["datasets"]:
        scale, translation = dataset["coordinateTransformations"]
        along = [scale | {"scale": [step, *scale["scale"]]}, translation | {"translation": [start, *translation["translation"]]}]
        datasets.append(dataset | {"coordinateTransformations": along})
    (channel,) = one["omero"]["channels"]
    windows = [ome["omero"]["channels"][0]["window"] for ome in each]
    window = {key: pick(w[key] for w in windows) for key, pick in (("min", min), ("max", max), ("start", min), ("end", max))}
    return one | {
        "multiscales": [scales | {"name": name, "axes": [axis, *scales["axes"]], "datasets": datasets}],
        "omero": {"channels": [channel | {"window": window}]},
    }


def _own(each: list[dict[str, Any]], times: Sequence[float], duration_s: float | None) -> dict[str, Any]:
    shared = {key: value for key, value in each[0].items() if key not in ("time", "range", "clipped_voxels")}
    return shared | {
        "times": list(times),
        "seconds": None if duration_s is None else [time * duration_s for time in times],
        "range": [min(own["range"][0] for own in each), max(own["range"][1] for own in each)],
        "clipped_voxels": sum(own["clipped_voxels"] for own in each),
    }
