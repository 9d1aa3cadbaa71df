"""TensorBoard's event files of a fit that takes few costly steps."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import torch
from torch.utils.tensorboard import SummaryWriter

from xct4d.directions import Direction
from xct4d.fields.baked import BakedField
from xct4d.fields.carried import CarriedScans
from xct4d.fields.flatfield import FlatField
from xct4d.fields.velocity import VelocityField
from xct4d.training.inspection.configuration import write_configuration
from xct4d.training.inspection.motion import WatchedMotion


class FitBoard:
    """Curves and pictures of a motion, written as the fit goes; a context manager.

    What an older run wrote is removed when a fit begins, at step 0; a fit that
    goes on after a kill takes the place of its steps that were not stored.
    """

    def __init__(
        self,
        folder: Path,
        configuration: Mapping[str, Any],
        canonicals: Mapping[Direction, Path],
        start: VelocityField,
        flat_field: FlatField,
    ):
        """canonicals: output folders of that stage. start: the motion from which the fit begins."""
        self._folder, self._configuration = folder, configuration
        self._motion = deepcopy(start)
        scans = {direction: BakedField.load(output / "baked.safetensors") for direction, output in canonicals.items()}
        self._watched = WatchedMotion(CarriedScans(scans, self._motion), flat_field)
        self._board: SummaryWriter | None = None

    def __enter__(self) -> FitBoard:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._board is not None:
            self._board.close()

    def curves(self, step: int, control: np.ndarray, values: Mapping[str, float]) -> None:
        """Terms of the fit at a step, and how well the scans agree with these control points [modes, n, n, n, 3]."""
        board = self._at(step, control, purge_step=step)
        terms = {f"training/{name}": value for name, value in values.items()}
        for name, value in (terms | self._watched.figures()).items():
            board.add_scalar(name, value, step)

    def pictures(self, step: int, control: np.ndarray) -> None:
        """Pictures of the motion with these control points."""
        board = self._at(step, control, purge_step=None)
        for name, image in self._watched.pictures().items():
            board.add_image(name, image, step)

    def _at(self, step: int, control: np.ndarray, purge_step: int | None) -> SummaryWriter:
        """The open board, with the motion of these control points. purge_step: what is there from this step on counts no longer."""
        with torch.no_grad():
            self._motion.control.copy_(torch.from_numpy(control))
        if self._board is None:
            if step == 0:
                shutil.rmtree(self._folder, ignore_errors=True)
            self._board = SummaryWriter(str(self._folder), purge_step=purge_step)
            write_configuration(self._board, self._configuration, step)
        return self._board
