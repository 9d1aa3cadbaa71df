"""The curves of a training run."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from xct4d.io import strict_json


@dataclass
class History:
    """Recorded values over the steps. It holds no times of day, so equal runs write equal files."""

    step: list[int] = field(default_factory=list)
    terms: dict[str, list[float]] = field(default_factory=dict)  # one value for each of `step`: the loss, its terms, learning rates
    held_out: dict[str, list[tuple[int, float]]] = field(
        default_factory=dict
    )  # held_out_psnr, held_out_ssim: (step, mean over the projections shown)

    def to_json(self) -> dict:
        return {"step": self.step, **self.terms, **self.held_out}

    @classmethod
    def from_json(cls, record: dict) -> History:
        held_out = {key: record[key] for key in record if key.startswith("held_out_")}
        terms = {key: record[key] for key in record if key != "step" and key not in held_out}
        return cls(record["step"], terms, held_out)

    def save(self, path: Path) -> None:
        path.write_text(strict_json.dumps(self.to_json()))
