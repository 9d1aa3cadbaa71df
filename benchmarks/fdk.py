"""Filtered back-projection of the same views, to compare a canonical with.

    python -m benchmarks.fdk results/nikon_balls/prepared/forward --resolution 256

Feldkamp, Davis and Kress (1984) for a circular cone-beam scan, as Kak and
Slaney (1988), section 3.6, discretise it: the frames that are trained on are
filtered and back-projected, the held-out ones are predicted by line integrals
through the volume. Prints one JSON object. Not part of the library.
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
from xct4d.geometry.views import Views
from xct4d.io import prepared
from xct4d.io.ome_writer import VolumeWriter
from xct4d.metrics import correlation, psnr, ssim
from xct4d.quantities import ATTENUATION
from xct4d.units import Scale

LOWEST = 0.5 / prepared.FULL_SCALE  # transmission below which the logarithm is not taken


def check_circular(views: Views) -> np.ndarray:
    """Azimuth [V] of each source in radians. Raises SystemExit unless all circle about z, level, looking at the axis."""
    source = views.camera_to_world[:, :, 3]
    forward = -views.camera_to_world[:, :, 2]
    distance = np.linalg.norm(source, axis=1)
    level = np.abs(source[:, 2]) < 1e-3 * distance
    aimed = np.einsum("vi,vi->v", forward, -source / distance[:, None]) > 1 - 1e-6
    upright = np.abs(views.camera_to_world[:, 2, 1]) > 1 - 1e-6
    if not (level & aimed & upright).all():
        raise SystemExit("views are not on a level circle about z that looks at the axis; FDK does not apply")
    return np.arctan2(source[:, 1], source[:, 0])


def arc_of_each(azimuth: np.ndarray) -> np.ndarray:
    """[V] radians: half the gap to either neighbour on the full circle; views at one angle share theirs."""
    angle = np.round(np.mod(azimuth, 2 * np.pi), 6)
    distinct, which, count = np.unique(angle, return_inverse=True, return_counts=True)
    if len(distinct) == 1:
        return np.full(len(azimuth), 2 * np.pi / len(azimuth))
    gap = np.diff(np.append(distinct, distinct[0] + 2 * np.pi))
    arc = (gap + np.roll(gap, 1)) / 2
    return (arc / count)[which]


def ramp(width: int, spacing: float) -> np.ndarray:
    """Transfer function of the band-limited ramp filter for rows padded to a power of two (Kak and Slaney, eq. 3.61)."""
    size = 2 ** math.ceil(math.log2(2 * width))
    n = np.fft.fftfreq(size, 1 / size).astype(int)
    kernel = np.zeros(size)
    kernel[n == 0] = 1 / (4 * spacing**2)
    odd = n % 2 != 0
    kernel[odd] = -1 / (np.pi * n[odd] * spacing) ** 2
    return np.fft.rfft(kernel).real * spacing


def filtered(attenuation: np.ndarray, views: Views, view: int) -> np.ndarray:
    """A projection's line integrals [h, w], weighted by the cosine and ramp-filtered along rows, on the detector through the axis."""
    height, width = attenuation.shape
    distance = np.linalg.norm(views.camera_to_world[view, :, 3])
    focal, centre = views.focal[view], views.centre[view]
    u = (np.arange(width) + 0.5 - centre[0]) / focal[0] * distance
    v = (np.arange(height) + 0.5 - centre[1]) / focal[1] * distance
    cosine = distance / np.sqrt(distance**2 + u**2 + v[:, None] ** 2)
    transfer = ramp(width, distance / focal[0])
    size = 2 * (len(transfer) - 1)
    return np.fft.irfft(np.fft.rfft(attenuation * cosine, size, axis=1) * transfer, size, axis=1)[:, :width].astype(np.float32)


@numba.njit(parallel=True, fastmath=True)
def back_project(volume, rows, pose, focal, centre, arc):
    """Add one filtered projection to the volume (z, y, x), bilinear between pixel centres."""
    n = volume.shape[0]
    height, width = rows.shape
    distance = math.sqrt(pose[0, 3] ** 2 + pose[1, 3] ** 2 + pose[2, 3] ** 2)
    for k in numba.prange(n):
        z = -1 + (k + 0.5) * 2 / n - pose[2, 3]
        for j in range(n):
            y = -1 + (j + 0.5) * 2 / n - pose[1, 3]
            for i in range(n):
                x = -1 + (i + 0.5) * 2 / n - pose[0, 3]
                depth = -(pose[0, 2] * x + pose[1, 2] * y + pose[2, 2] * z)
                right = pose[0, 0] * x + pose[1, 0] * y + pose[2, 0] * z
                up = pose[0, 1] * x + pose[1, 1] * y + pose[2, 1] * z
                column = centre[0] + focal[0] * right / depth - 0.5
                row = centre[1] - focal[1] * up / depth - 0.5
                c, r = math.floor(column), math.floor(row)
                if c < 0 or r < 0 or c + 1 >= width or r + 1 >= height:
                    continue
                a, b = column - c, row - r
                value = (1 - b) * ((1 - a) * rows[r, c] + a * rows[r, c + 1]) + b * ((1 - a) * rows[r + 1, c] + a * rows[r + 1, c + 1])
                # every ray is measured twice on a full circle
                volume[k, j, i] += 0.5 * arc * (distance / depth) ** 2 * value


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


def reconstruct(frames: prepared.Frames, resolution: int) -> np.ndarray:
    """The volume (z, y, x) float32, attenuation per world unit, from the frames that are not held out; frames of one view each."""
    used = np.flatnonzero(~frames.held_out)
    if (np.diff(frames.first_view)[used] != 1).any():
        raise SystemExit("FDK takes frames of one view each")
    view_of = frames.first_view[used]
    arcs = arc_of_each(check_circular(frames.views[view_of]))
    volume = np.zeros((resolution,) * 3, np.float32)
    views = frames.views
    for frame, view, arc in zip(used, view_of, arcs, strict=True):
        line_integrals = -np.log(np.maximum(frames.image(frame), LOWEST) / frames.flat_field)
        back_project(volume, filtered(line_integrals, views, view), views.camera_to_world[view], views.focal[view], views.centre[view], arc)
    return volume


def predict(volume: np.ndarray, frames: prepared.Frames, frame: int) -> np.ndarray:
    """Transmission [h, w] of a frame through the volume, half a voxel a step."""
    width, height = frames.size(frame)
    image = np.zeros(height * width)
    for view in range(frames.first_view[frame], frames.first_view[frame + 1]):
        image += frames.weight[view] * np.exp(-integrate(volume, pixel_rays(frames.views, view), 1.0 / len(volume)))
    return (frames.flat_field * image).reshape(height, width)


def scores(volume: np.ndarray, frames: prepared.Frames) -> dict[str, float | int | None]:
    held_out = np.flatnonzero(frames.held_out)
    pairs = [(np.clip(predict(volume, frames, f), 0, 1), frames.image(f)) for f in held_out]
    mean = {name: float(np.mean([of(p, m) for p, m in pairs])) if pairs else None for name, of in (("psnr", psnr), ("ssim", ssim))}
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
    reconstruct(frames, 4)  # compiles
    start = time.perf_counter()
    volume = reconstruct(frames, arguments.resolution)
    report(arguments, frames, volume, time.perf_counter() - start, "FDK")


if __name__ == "__main__":
    main()
