"""What is said of the trust in the motion at one time: its verdict and the figures behind it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from xct4d.analysis.uncertainty import Motions, attenuation_on_grid
from xct4d.analysis.verdict import Residuals, verdict
from xct4d.fields.evolution import Evolution
from xct4d.fields.material import is_occupied
from xct4d.io.digests import check_file
from xct4d.io.mapping_files import read_mapping

TOLERANCE = 0.01  # world units: the deviation from which a displacement counts as uncertain, half a hundredth of the box


@dataclass(frozen=True)
class TrustScores:
    """The output of the stage trust."""

    motions: Motions
    residuals: Residuals

    @classmethod
    def load(cls, folder: Path) -> TrustScores:
        """Raises InputError where a file is missing or damaged."""
        check_file(folder / "trust.json")
        return cls(Motions.load(folder), Residuals.of(read_mapping(folder / "trust.json")))

    def at(self, evolution: Evolution, t: float, unit_mm: float | None) -> dict[str, Any]:
        """As metrics.json has it; lengths in world units.

        displacement_deviation: root mean square and 95th percentile over the
        material of the displacement's standard deviation, of all directions
        together; uncertain: the part of the material where it exceeds `tolerance`.
        unit_mm: mm per world unit where it is known, for the verdict's words.
        """
        attenuation = attenuation_on_grid(evolution, t)
        deviation = np.linalg.norm(self.motions.deviation(t, attenuation), axis=0)[is_occupied(attenuation)]
        uncertain = float((deviation > TOLERANCE).mean()) if len(deviation) else 0.0
        words = f"{TOLERANCE:g} world units" if unit_mm is None else f"{TOLERANCE * unit_mm:.2g} mm"
        return {
            "verdict": verdict(self.residuals, t, uncertain, words),
            "normalised_residual": self.residuals.at(t),
            "displacement_deviation": {"rms": _rms(deviation), "p95": float(np.percentile(deviation, 95)) if len(deviation) else None},
            "uncertain": uncertain,
            "tolerance": TOLERANCE,
        }


def _rms(values: np.ndarray) -> float | None:
    return float(np.sqrt((values**2).mean())) if len(values) else None
