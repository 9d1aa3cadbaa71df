"""What the doctor looks at: some views of a scan as line integrals, of fewer and larger pixels."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from xct4d.geometry.views import Views

DARKEST = 1e-4  # transmission below which the logarithm takes this one
EDGE = 0.02  # part of the columns at the left and at the right edge, which see air unless the sample is wider than the image
STRONG = 0.1  # of the strongest line integral: the sample, not noise of air
SIGNIFICANT = 4.0  # standard deviations from which on a deviation counts
FEW = 4  # rows that are left, at least, where pixels are made larger
PARALLEL = 1000.0  # world units from source to axis beyond which rays are parallel


@dataclass(frozen=True)
class Evidence:
    """V views of a scan."""

    images: np.ndarray  # [V, h, w] float32: -ln(I / I0); 0 is air
    views: Views  # V, in the pixels of `images`
    factor: np.ndarray  # [2]: pixels of the full image along one of `images`, across and down
    columns: np.ndarray  # [V, 2] int64: first and past the last column that sees the sample
    strongest: float  # line integral

    @classmethod
    def of(cls, transmission: np.ndarray, views: Views, flat_field: float, factor: float) -> Evidence:
        """transmission: [V, h, w] of views of one size; each view's air is set to 0 where its left and right edges see air."""
        images = -np.log(np.maximum(transmission / flat_field, DARKEST)).astype(np.float32)
        strongest = float(np.quantile(images[:, ::3, ::3], 0.998))
        width = max(1, round(EDGE * images.shape[2]))
        edges = np.concatenate([images[:, :, :width], images[:, :, -width:]], axis=2)
        air = np.median(edges, axis=(1, 2))
        images -= np.where(np.abs(air) < STRONG * strongest, air, 0)[:, None, None].astype(np.float32)
        return cls(images, views, np.full(2, factor, float), _seen(images, strongest), strongest)

    def __len__(self) -> int:
        return len(self.views)

    @property
    def is_parallel(self) -> bool:
        return float(np.hypot(*self.views.camera_to_world[:, :2, 3].T).min()) > PARALLEL

    def binned(self, by: int) -> Evidence:
        """Of pixels `by` times as wide, and as high unless fewer than FEW rows would be left: means of line integrals."""
        down = max(1, min(by, self.images.shape[1] // FEW))
        if by <= 1:
            return self
        height, width = self.images.shape[1] // down, self.images.shape[2] // by
        blocks = self.images[:, : height * down, : width * by].reshape(len(self), height, down, width, by)
        columns = np.stack([self.columns[:, 0] // by, np.minimum(-(-self.columns[:, 1] // by), width)], 1)
        scale, size = np.array([by, down]), np.tile([width, height], (len(self), 1))
        views = replace(self.views, focal=self.views.focal / scale, centre=self.views.centre / scale, size=size)
        return Evidence(blocks.mean(axis=(2, 4)), views, self.factor * np.array([by, down]), columns, self.strongest)

    def some(self, chosen: np.ndarray) -> Evidence:
        """The views with these indices."""
        return replace(self, images=self.images[chosen], views=self.views[chosen], columns=self.columns[chosen])

    def transposed(self) -> Evidence:
        """Rows and columns of the images exchanged; cameras as they are."""
        images = np.ascontiguousarray(self.images.transpose(0, 2, 1))
        views = replace(
            self.views,
            focal=self.views.focal[:, ::-1].copy(),
            centre=self.views.centre[:, ::-1].copy(),
            size=self.views.size[:, ::-1].copy(),
        )
        return replace(self, images=images, views=views, factor=self.factor[::-1], columns=_seen(images, self.strongest))

    def mirrored(self) -> Evidence:
        """Images with their columns in reverse order; cameras as they are, but for the principal point."""
        width = self.images.shape[2]
        centre = np.stack([width - self.views.centre[:, 0], self.views.centre[:, 1]], 1)
        views = replace(self.views, centre=centre)
        return replace(self, images=np.ascontiguousarray(self.images[:, :, ::-1]), views=views, columns=width - self.columns[:, ::-1])

    def reordered(self, order: np.ndarray) -> Evidence:
        """The images in another order, the cameras as they are."""
        return replace(self, images=self.images[order], columns=self.columns[order])


def _seen(images: np.ndarray, strongest: float) -> np.ndarray:
    """First and past the last column of each view in which more than two pixels see the sample, two columns more on each side: [V, 2]."""
    width = images.shape[2]
    seen = (images > STRONG / 2 * strongest).mean(axis=1) > 2 / images.shape[1]  # [V, w]
    first = np.where(seen.any(1), seen.argmax(1), 0)
    last = np.where(seen.any(1), width - seen[:, ::-1].argmax(1), width)
    return np.stack([np.maximum(first - 2, 0), np.minimum(last + 2, width)], 1)
