"""The record of a finished result: which files belong to it, and what it was configured with.

The stages of a dataset may lie in several folders, as variants of a sweep share
what their values do not change, and an untrained mixer lies in none. The record
stands beside the report and names them all; xct4d.result opens a result by it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xct4d.config import Mixing
from xct4d.errors import InputError
from xct4d.fields.trained_model import TrainedModel
from xct4d.io.digests import check_file
from xct4d.units import Scale
from xct4d.version import VERSION

NAME = "result.json"
FORMAT = 1
_PARTS = ("forward", "backward", "velocity", "mixer")  # of a trained model: folders


@dataclass(frozen=True, kw_only=True)
class ResultRecord:
    """What a finished result consists of."""

    dataset: str
    model: TrainedModel
    scale: Scale
    volumes: Mapping[tuple[str, float], Path]  # by reconstruction or derived quantity, and time
    evaluation: Path
    trust: Path | None = None  # output folder of that stage; None where nothing moves
    training: Mapping[str, Path]  # folders with a history.json, by title: "canonical forward", "velocity 9", "mixing"
    configuration: Mapping[str, Any]  # all sections, as plain values
    version: str = field(default=VERSION)  # of the program

    def save(self, path: Path, *, beside: Path) -> None:
        """Write the record to `path`. beside: folder in which it will lie, from which the paths in it start."""

        def relative(file: Path | None) -> str | None:
            return None if file is None else Path(os.path.relpath(file, beside)).as_posix()

        record = {
            "format": FORMAT,
            "xct4d": self.version,
            "dataset": self.dataset,
            "unit_mm": self.scale.unit_mm,
            "duration_s": self.scale.duration_s,
            "model": {part: relative(getattr(self.model, part)) for part in _PARTS},
            "mixing": None if self.model.mixing is None else self.model.mixing.model_dump(mode="json"),
            "volumes": [{"name": name, "time": time, "path": relative(file)} for (name, time), file in self.volumes.items()],
            "evaluation": relative(self.evaluation),
            "trust": relative(self.trust),
            "training": {title: relative(folder) for title, folder in self.training.items()},
            "configuration": dict(self.configuration),
        }
        path.write_text(json.dumps(record, indent=1, allow_nan=False) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> ResultRecord:
        """Read what `save` wrote. Raises InputError where it is missing, damaged or of a later version."""
        fix = "run the workflow again, which makes the report anew"
        check_file(path)
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            if record["format"] != FORMAT:
                raise InputError(
                    f"is of format {record['format']}, not {FORMAT}", where=path, fix="open it with the version of xct4d that wrote it"
                )

            def absolute(file: str | None) -> Path | None:
                return None if file is None else Path(os.path.normpath(path.parent / file))

            return cls(
                dataset=record["dataset"],
                model=TrainedModel(
                    **{part: absolute(record["model"][part]) for part in _PARTS},
                    mixing=None if record["mixing"] is None else Mixing.model_validate(record["mixing"]),
                ),
                scale=Scale(record["unit_mm"], record["duration_s"]),
                volumes={(entry["name"], entry["time"]): absolute(entry["path"]) for entry in record["volumes"]},
                evaluation=absolute(record["evaluation"]),
                trust=absolute(record["trust"]),
                training={title: absolute(folder) for title, folder in record["training"].items()},
                configuration=record["configuration"],
                version=record["xct4d"],
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"cannot be read ({' '.join(str(error).split())})", where=path, fix=fix) from None
