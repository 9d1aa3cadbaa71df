"""Volumes of several times joined into one OME-Zarr 0.5 image with axes t, z, y, x, or t, c, z, y, x for vectors and tensors.

A chunk of the series is one time's chunk of a volume, byte for byte: nothing is
computed, and where the file system allows it the two are the same file under two
names. Volumes are only ever replaced whole, so neither name can change the
other's content.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from xct4d.errors import InputError
from xct4d.io.digests import ATTRIBUTE, check_folder
from xct4d.io.linking import link
from xct4d.io.ome_zarr import open_volume
from xct4d.units import TIME, Scale

COUNTS = ("clipped_voxels", "folded_voxels")  # attributes of a volume that a series sums over its times
EVEN = 1e-6  # of the mean step: steps between times that differ less are equal


def join(times: Sequence[float], volumes: Sequence[Path], folder: Path, scale: Scale) -> None:
    """Write the series of volumes that VolumeWriter wrote, one per time, into a folder that is not there yet.

    The folder's name without .zarr is the image's. times: rising, in [0, 1].
    scale: of the dataset; its duration gives the times in seconds. OME-Zarr
    knows one step between times: where the times are uneven, the time axis
    counts them, and the attribute `xct4d` holds the times themselves. Raises
    InputError where a volume is damaged or differs from the first in quantity,
    shape, type or, for whole numbers, window.
    """
    for volume in volumes:
        check_folder(volume)
    attributes = film_attributes(folder.name.removesuffix(".zarr"), times, volumes, scale)
    folder.mkdir()
    for level in (dataset["path"] for dataset in attributes["ome"]["multiscales"][0]["datasets"]):
        one = json.loads((volumes[0] / level / "zarr.json").read_text())
        (folder / level).mkdir()
        (folder / level / "zarr.json").write_text(json.dumps(_array(one, len(times)), indent=2))
        for index, volume in enumerate(volumes):
            for chunk in sorted((volume / level / "c").rglob("*")):
                if chunk.is_file():
                    link(chunk, folder / level / "c" / str(index) / chunk.relative_to(volume / level / "c"))
    group = json.loads((volumes[0] / "zarr.json").read_text())
    (folder / "zarr.json").write_text(json.dumps(group | {"attributes": attributes}, indent=2))


def film_attributes(name: str, times: Sequence[float], volumes: Sequence[Path], scale: Scale) -> dict[str, Any]:
    """The attributes `ome` and `xct4d` of the image of volumes of several times; their arguments are those of `join`.

    name: the image's. Raises InputError where a volume differs from the first
    in quantity, shape, type, place or, for whole numbers, window.
    """
    quantities = [open_volume(volume).quantity for volume in volumes]  # raises where one is damaged
    for volume, quantity in zip(volumes, quantities, strict=True):
        if quantity != quantities[0]:
            raise InputError(
                f"holds {quantity.name}, {volumes[0]} holds {quantities[0].name}", where=volume, fix="delete both and export again"
            )
    groups = [json.loads((volume / "zarr.json").read_text())["attributes"] for volume in volumes]
    scales = [group["ome"]["multiscales"][0] for group in groups]
    arrays = [[json.loads((volume / level["path"] / "zarr.json").read_text()) for level in scales[0]["datasets"]] for volume in volumes]
    for volume, own, array in zip(volumes, scales, arrays, strict=True):
        if array != arrays[0] or own["datasets"] != scales[0]["datasets"]:
            raise InputError(f"differs in shape, type or place from {volumes[0]}", where=volume, fix="delete both and export again")
    own = [group["xct4d"] for group in groups]
    if arrays[0][0]["data_type"].startswith("uint") and any(each["window"] != own[0]["window"] for each in own):
        raise InputError(
            "its whole numbers mean other values from time to time",
            where=volumes[0].parent,
            fix="set export.window, or export.series: false",
        )
    varied = [group["ome"] for group, known in zip(groups, (each["range"] for each in own), strict=True) if known and known[0] < known[1]]
    every = [group["ome"] for group in groups]
    return {"ome": _ome(name, every, varied or every, times, scale), "xct4d": _own(own, times, scale)}


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


def _ome(name: str, each: list[dict[str, Any]], shown: list[dict[str, Any]], times: Sequence[float], scale: Scale) -> dict[str, Any]:
    """The attribute `ome` of the series, from those of its volumes.

    shown: of the volumes whose contrast counts. One with a single value, as a
    displacement at t = 0, is shown in a window that means nothing.
    """
    scales = each[0]["multiscales"][0]
    steps = np.diff(times) if len(times) > 1 else np.ones(1)  # of a single time any will do
    even = np.ptp(steps) <= EVEN * steps.mean()
    duration = scale.factor(TIME)
    step, start = (float(steps.mean()) * duration, float(times[0]) * duration) if even else (1.0, 0.0)
    axis = {"name": "t", "type": "time"} | ({"unit": scale.ome_time} if even and scale.ome_time is not None else {})
    datasets = []
    for dataset in scales["datasets"]:
        size, place = dataset["coordinateTransformations"]
        along = [size | {"scale": [step, *size["scale"]]}, place | {"translation": [start, *place["translation"]]}]
        datasets.append(dataset | {"coordinateTransformations": along})
    channels = [_widest(channels) for channels in zip(*(ome["omero"]["channels"] for ome in shown), strict=True)]
    return each[0] | {
        "multiscales": [scales | {"name": name, "axes": [axis, *scales["axes"]], "datasets": datasets}],
        "omero": {"channels": channels},
    }


def _widest(channels: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One channel of all times: shown in the window that holds the windows of all."""
    windows = [channel["window"] for channel in channels]
    window = {key: pick(window[key] for window in windows) for key, pick in (("min", min), ("max", max), ("start", min), ("end", max))}
    return channels[0] | {"window": window}


def _own(each: list[dict[str, Any]], times: Sequence[float], scale: Scale) -> dict[str, Any]:
    """The attribute `xct4d` of the series, from those of its volumes."""
    shared = {key: value for key, value in each[0].items() if key not in ("time", "range", ATTRIBUTE, *COUNTS)}
    known = [own["range"] for own in each if own["range"] is not None]
    duration = scale.duration_s
    return (
        shared
        | {
            "times": list(times),
            "seconds": None if duration is None else [time * duration for time in times],
            "range": [min(low for low, _ in known), max(high for _, high in known)] if known else None,
        }
        | {count: sum(own[count] for own in each) for count in COUNTS if count in each[0]}
    )
