"""The classical reconstruction of a scan: the volume that a canonical field starts from.

Minimises the squared error of the line integrals plus the total variation, by
gradient steps on ordered subsets of the projections with Nesterov's momentum
and a diagonal majoriser (Kim, Ramani, Fessler, IEEE Trans. Med. Imaging 34,
2015), each followed by a few dual steps of denoising.

The weight of the total variation is chosen by projections that are left out:
it falls from sweep to sweep until these are predicted no better. Of all weights
that predict nearly as well as the best one, the largest is taken, with which
some more sweeps go over all projections.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from xct4d.fields import material
from xct4d.geometry.pixel_size import smallest_pixel
from xct4d.geometry.views import Views
from xct4d.io.prepared import FULL_SCALE, Frames
from xct4d.kernels.projector import back_project, project
from xct4d.kernels.shared.joseph import within
from xct4d.kernels.total_variation import denoise
from xct4d.reconstruction.silhouette import silhouette_cells, span

FINER = 1.15  # voxels for each pixel across the box: more are not determined, fewer lose sharpness
MULTIPLE = 8  # the number of voxels per axis is a multiple of this
SUBSETS, SMALLEST = 8, 4  # subsets at most; projections in each at least, as momentum diverges with fewer
LEFT_OUT = 9  # of so many projections one is left out of the fit, to choose the weight
WEIGHTS = (0.02, *(0.005 * 0.4 ** np.arange(7)))  # of total variation, as fractions of the densest material's attenuation, sweep by sweep
NO_GAIN = 0.99  # an error above this times that of the sweep before is no improvement: no smaller weight is tried
NEARLY = 1.05  # a weight is as good as the best one where its error is at most this times the least error
FINAL = 6  # sweeps over all projections
DUAL_STEPS = 2  # after each subset: the dual goes on from the subset before
LEAST = 0.05  # smallest entry of the majoriser, as a fraction of its largest: voxels that few rays meet would take too long steps
EQUAL = 1e-9  # weights of views that differ less are the same
TINY = 1e-30  # added, so that nothing is divided by zero where no ray meets a voxel
WORSE = 1.3  # a residual above this times the least one means that momentum diverges, as with small subsets: it is reset


@dataclass(frozen=True)
class Scan:
    """The line integrals of the projections of a scan that are trained on, all of one size."""

    images: Tensor  # [V, w, h] float32
    views: Views  # V: of each projection the view with the largest weight
    exposures: tuple[tuple[float, Views], ...]  # weights, and V views: the quadrature of long exposures, or `views` alone
    counts: Tensor | None = None  # [V, w, h] float32: 1 where a pixel counts, 0 where a mask leaves it out; None where all count

    @classmethod
    def of(cls, frames: Frames, device: torch.device) -> Scan:
        """-ln(I / I0) of the frames that are trained on.

        Of frames of several sizes those of the most common one are taken. Where all
        have equally many views (long exposures), a line integral is the weighted
        mean of those of the views; else the one with the largest weight counts.
        """
        views, images, numbers, masks = [], [], [], []
        for frame in np.flatnonzero(~frames.held_out):
            views.append(frames.main_view(int(frame)))
            numbers.append(int(frames.first_view[frame + 1] - frames.first_view[frame]))
            least = 0.5 / FULL_SCALE
            images.append(-np.log(np.maximum(frames.image(int(frame)) / frames.flat_field, least)).astype(np.float32))
            masks.append(frames.mask(int(frame)))
        sizes = [image.shape for image in images]
        common = max(dict.fromkeys(sizes), key=sizes.count)
        chosen = [i for i, size in enumerate(sizes) if size == common]
        stacked = torch.from_numpy(np.stack([images[i].T for i in chosen])).to(device)
        main = frames.views[np.array(views)[chosen]]
        exposures: tuple[tuple[float, Views], ...] = ((1.0, main),)
        if len({numbers[i] for i in chosen}) == 1 and numbers[chosen[0]] > 1:
            first = frames.first_view[np.flatnonzero(~frames.held_out)[chosen]]
            weights = [frames.weight[first + k] for k in range(numbers[chosen[0]])]
            if all(np.ptp(weight) < EQUAL for weight in weights):
                exposures = tuple((float(weight[0]), frames.views[first + k]) for k, weight in enumerate(weights))
        given = [mask for i in chosen if (mask := masks[i]) is not None]  # of all or of none
        counts = torch.from_numpy(np.stack([mask.T for mask in given])).to(device, torch.float32) if given else None
        return cls(stacked, main, exposures, counts)

    def projected(self, volume: Tensor, span: Tensor) -> Tensor:  # [V, w, h]
        """Line integrals of a volume (y, x, z), each the mean over its exposure."""
        if len(self.exposures) == 1:
            return project(volume, span, self.views)
        return torch.stack([weight * project(volume, span, views) for weight, views in self.exposures]).sum(0)

    def back_projected(self, images: Tensor, span: Tensor) -> Tensor:  # (y, x, z)
        """The transpose of `projected`."""
        if len(self.exposures) == 1:
            return back_project(images, span, self.views)
        total = back_project(self.exposures[0][0] * images, span, self.exposures[0][1])
        for weight, views in self.exposures[1:]:
            total = total + back_project(weight * images, span, views)
        return total

    def __len__(self) -> int:
        return len(self.views)

    def some(self, chosen: np.ndarray) -> Scan:
        """The projections with these indices."""
        index = torch.from_numpy(chosen).to(self.images.device)
        exposures = tuple((weight, views[chosen]) for weight, views in self.exposures)
        return Scan(self.images[index], self.views[chosen], exposures, None if self.counts is None else self.counts[index])

    def counted(self, values: Tensor) -> Tensor:
        """Values [V, w, h], with 0 where a pixel does not count."""
        return values if self.counts is None else values * self.counts

    @property
    def count(self) -> int:
        """Pixels that count."""
        return self.images.numel() if self.counts is None else int(self.counts.sum(dtype=torch.float64))


def voxels(views: Views, at_most: int) -> int:
    """Voxels per axis that the pixels of the views determine: about FINER for each pixel across the box, and at_most at most."""
    across = 2 / smallest_pixel(views)
    return min(at_most, max(int(np.ceil(FINER * across / MULTIPLE)) * MULTIPLE, MULTIPLE))


@dataclass
class Record:
    """What each sweep did, as reconstruction.json has it."""

    voxels: int
    weights: list[float] = field(default_factory=list)  # of total variation, per world unit
    residual: list[float] = field(default_factory=list)  # root mean square over the fitted projections, during the sweep
    left_out: list[float] = field(default_factory=list)  # of those left out, after the sweep
    chosen: float | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


class Reconstruction:
    """The iteration, sweep by sweep. `tensors` and `record` are all its state: it goes on from them bit for bit."""

    def __init__(self, scan: Scan, n: int):
        self._scan = scan
        every = np.arange(len(scan))
        left_out = every[LEFT_OUT // 2 :: LEFT_OUT] if len(scan) > LEFT_OUT // 2 else every[:0]
        self._left_out, self._fitted = scan.some(left_out), np.setdiff1d(every, left_out)
        device = scan.images.device
        counts = None if scan.counts is None else scan.counts.permute(0, 2, 1).cpu().numpy()
        cells = silhouette_cells(scan.images.permute(0, 2, 1).cpu().numpy(), scan.views, counts)
        self._span = span(cells, n).to(device)
        self.record = Record(n)
        self._inside = torch.nonzero(within(self._span).reshape(-1))[:, 0]  # flat indices of the voxels that may hold material
        self._dense = torch.zeros(n, n, n, device=device)  # zero outside
        nothing = torch.zeros(len(self._inside), device=device)  # one value for each of these voxels
        self.tensors = {
            "attenuation": nothing,
            "ahead": nothing.clone(),
            "dual": torch.zeros(3, n, n, n, device=device),
            "momentum": torch.ones(1, dtype=torch.float64),
        }
        self._steps: tuple[str, Tensor] | None = None

    @property
    def done(self) -> bool:
        return self.record.chosen is not None and len(self.record.weights) - len(self.record.left_out) >= FINAL

    @property
    def most_sweeps(self) -> int:
        return 1 + len(WEIGHTS) + FINAL

    def sweep(self) -> None:
        """Once over the projections; call it until `done`."""
        record, choosing = self.record, self.record.chosen is None
        weight = self._weight(len(record.weights)) if choosing else record.chosen
        fitted = self._fitted if choosing else np.arange(len(self._scan))
        residual = self._over(self._subsets(fitted), weight, self._step_sizes(fitted))
        record.weights.append(weight)
        record.residual.append(residual)
        if residual > WORSE * min(record.residual):
            self._without_momentum()
        if choosing:
            self._choose()

    def _weight(self, sweep: int) -> float:
        if sweep == 0:  # nothing is known of the attenuation yet
            return 0.0
        return float(WEIGHTS[sweep - 1]) * self.densest()

    def densest(self) -> float:
        """Attenuation of the densest material."""
        some = self.tensors["attenuation"][self.tensors["attenuation"] > 0]
        return float(material.densest(some)) if len(some) else 1.0

    def volume(self) -> Tensor:
        """Attenuation [n, n, n] (z, y, x) per world unit."""
        return self._filled(self.tensors["attenuation"]).permute(2, 0, 1).contiguous()

    def _filled(self, values: Tensor) -> Tensor:
        """The volume (y, x, z) with these values inside. It is the same tensor each time."""
        self._dense.view(-1).index_copy_(0, self._inside, values)
        return self._dense

    def _choose(self) -> None:
        record = self.record
        if len(self._left_out) == 0:
            record.left_out.append(record.residual[-1])
        else:
            predicted = self._left_out.projected(self._filled(self.tensors["attenuation"]), self._span)
            difference = self._left_out.counted(predicted - self._left_out.images)
            record.left_out.append(float((difference.square().sum(dtype=torch.float64) / max(self._left_out.count, 1)).sqrt()))
        tried = record.left_out[1:]  # of the weights above zero
        if len(tried) == len(WEIGHTS) or (len(tried) > 1 and tried[-1] > NO_GAIN * tried[-2]):
            good = next(i for i, error in enumerate(tried) if error <= NEARLY * min(tried))
            record.chosen = record.weights[1 + good]
            self._without_momentum()

    def _without_momentum(self) -> None:
        self.tensors["ahead"] = self.tensors["attenuation"].clone()
        self.tensors["momentum"].fill_(1.0)

    def _subsets(self, fitted: np.ndarray) -> list[Scan]:
        """Interleaved subsets of the projections with these indices, in bit-reversed order: successive subsets lie far apart."""
        count = max(min(SUBSETS, len(fitted) // SMALLEST), 1)
        bits = (count - 1).bit_length()
        order = sorted(range(count), key=lambda i: f"{i:0{bits}b}"[::-1])
        return [self._scan.some(fitted[first::count]) for first in order]

    def _step_sizes(self, fitted: np.ndarray) -> Tensor:
        """1 over the majoriser's diagonal, A^T A 1."""
        key = "all" if len(fitted) == len(self._scan) else "fitted"
        if self._steps is None or self._steps[0] != key:
            some = self._scan.some(fitted)
            ones = self._filled(torch.ones_like(self.tensors["attenuation"]))
            diagonal = self._back_projected(some.counted(some.projected(ones, self._span)), some)
            self._steps = (key, 1 / diagonal.clamp_min(LEAST * float(diagonal.max()) + TINY))
        return self._steps[1]

    def _back_projected(self, images: Tensor, scan: Scan) -> Tensor:
        return scan.back_projected(images, self._span).view(-1).index_select(0, self._inside)

    def _over(self, subsets: Sequence[Scan], weight: float, steps: Tensor) -> float:
        """Gradient step, denoising and momentum for each subset. Returns the root mean square of the residuals on the way."""
        state, squares, count = self.tensors, 0.0, 0
        for subset in subsets:
            residual = subset.counted(subset.projected(self._filled(state["ahead"]), self._span) - subset.images)
            squares, count = squares + float(residual.square().sum(dtype=torch.float64)), count + subset.count
            moved = state["ahead"] - len(subsets) * steps * self._back_projected(residual, subset)
            if weight > 0:
                moved = denoise(self._filled(moved), state["dual"], self._span, weight, DUAL_STEPS).view(-1).index_select(0, self._inside)
            else:
                moved = moved.clamp_min(0)
            momentum = float(state["momentum"])
            following = (1 + (1 + 4 * momentum**2) ** 0.5) / 2
            state["ahead"] = moved + (momentum - 1) / following * (moved - state["attenuation"])
            state["attenuation"] = moved
            state["momentum"].fill_(following)
        return (squares / max(count, 1)) ** 0.5
