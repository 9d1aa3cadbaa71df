"""Filtered back-projection of the same views, to compare a canonical with.

    python -m benchmarks.fdk results/nikon_balls/prepared/forward --resolution 256

The frames that are trained on are filtered and back-projected
(xct4d.reconstruction.fdk), the held-out ones are predicted by line integrals
through the volume. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path

import numba
import numpy as np

from xct4d.geometry.box import grid_points, voxel_centres
from xct4d.geometry.rays import pixel_rays
from xct4d.io import prepared
from xct4d.io.ome_writer import VolumeWriter
from xct4d.metrics import correlation, psnr, ssim
from xct4d.quantities import ATTENUATION
from xct4d.reconstruction.fdk import DoesNotApply, filtered_back_projection
from xct4d.units import Scale


@numba.njit(parallel=True, fastmath=True)
def integrate(volume, rays, step):
    """Line integrals [N] through a volume (z, y, x), trilinear, a midpoint rule of about `step` within the box."""
    n = volume.shape[0]
    out = np.zeros(len(rays))
    for ray in numba.prange(len(rays)):
        near, far = rays[ray, 6], rays[ray, 7]
        count = math.ceil((far - near) / step)
        total = 0.0
        for s in range(count):
            t = near + (s + 0.5) * (far - near) / count
            x = min(max((rays[ray, 0] + t * rays[ray, 3] + 1) * n / 2 - 0.5, 0.0), n - 1.0)
            y = min(max((rays[ray, 1] + t * rays[ray, 4] + 1) * n / 2 - 0.5, 0.0), n - 1.0)
            z = min(max((rays[ray, 2] + t * rays[ray, 5] + 1) * n / 2 - 0.5, 0.0), n - 1.0)
            i, j, k = min(int(x), n - 2), min(int(y), n - 2), min(int(z), n - 2)
            a, b, c = x - i, y - j, z - k
            near_face = (1 - b) * ((1 - a) * volume[k, j, i] + a * volume[k, j, i + 1]) + b * (
                (1 - a) * volume[k, j + 1, i] + a * volume[k, j + 1, i + 1]
            )
            far_face = (1 - b) * ((1 - a) * volume[k + 1, j, i] + a * volume[k + 1, j, i + 1]) + b * (
                (1 - a) * volume[k + 1, j + 1, i] + a * volume[k + 1, j + 1, i + 1]
            )
            total += (1 - c) * near_face + c * far_face
        if count > 0:
            out[ray] = total * (far - near) / count
    return out


def predict(volume: np.ndarray, frames: prepared.Frames, frame: int) -> np.ndarray:
    """Transmission [h, w] of a frame through the volume, half a voxel a step."""
    width, height = frames.size(frame)
    image = np.zeros(height * width)
    for view in range(frames.first_view[frame], frames.first_view[frame + 1]):
        image += frames.weight[view] * np.exp(-integrate(volume, pixel_rays(frames.views, view), 1.0 / len(volume)))
    return (frames.flat_field * image).reshape(height, width)


def scores(volume: np.ndarray, frames: prepared.Frames) -> dict[str, float | int | None]:
    held_out = np.flatnonzero(frames.held_out)
    pairs = [(np.clip(predict(volume, frames, f), 0, 1), frames.image(f), frames.mask(f)) for f in held_out]
    mean = {name: float(np.mean([of(*pair) for pair in pairs])) if pairs else None for name, of in (("psnr", psnr), ("ssim", ssim))}
    return {"held_out": len(held_out)} | mean


def parser(description: str) -> argparse.ArgumentParser:
    """The options of a classical reconstruction."""
    out = argparse.ArgumentParser(description=description.split("\n")[0])
    out.add_argument("prepared", type=Path, help="prepared projections of one scan: results/<dataset>/prepared/forward")
    out.add_argument("--resolution", type=int, default=200, help="voxels per axis")
    out.add_argument("--scene", type=Path, help="scene or simulated dataset whose object at t = 0 (1 with --end) to compare with")
    out.add_argument("--end", action="store_true", help="the projections are of t = 1")
    out.add_argument("--output", type=Path, help="volume to write (.zarr)")
    return out


def report(arguments: argparse.Namespace, frames: prepared.Frames, volume: np.ndarray, seconds: float, kind: str) -> None:
    """Print the scores of a volume, and write it where that is asked for."""
    clipped = np.maximum(volume, 0)
    record = {
        "views": int((~frames.held_out).sum()), "resolution": arguments.resolution, "seconds": round(seconds, 2),
        "as it is": scores(volume, frames), "negative values set to zero": scores(clipped, frames),
    }  # fmt: skip
    if arguments.scene is not None:
        from xct4d.phantom.truth import Phantom

        phantom, n = Phantom.load(arguments.scene), arguments.resolution
        c = voxel_centres(n)
        truth = np.stack([phantom.density(grid_points(c[k : k + 1], c, c), float(arguments.end)).reshape(n, n) for k in range(n)])
        record["as it is"]["correlation"] = correlation(volume, truth)
        record["negative values set to zero"]["correlation"] = correlation(clipped, truth)
    if arguments.output is not None:
        scale = Scale(frames.unit_mm, frames.duration_s)
        with VolumeWriter(arguments.output, volume.shape, quantity=ATTENUATION, scale=scale, attributes={"kind": kind}) as writer:
            writer[:] = volume
    print(json.dumps(record, indent=1))


def main() -> None:
    arguments = parser(__doc__).parse_args()
    frames = prepared.load(arguments.prepared)
    try:
        filtered_back_projection(frames, 4)  # compiles
    except DoesNotApply as error:
        raise SystemExit(f"FDK does not apply: {error}") from None
    start = time.perf_counter()
    volume = filtered_back_projection(frames, arguments.resolution)
    report(arguments, frames, volume, time.perf_counter() - start, "FDK")


if __name__ == "__main__":
    main()
