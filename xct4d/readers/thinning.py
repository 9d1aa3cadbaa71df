"""Which projections of the sequence are left aside: those outside a time window, and some of those within."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from xct4d import config
from xct4d.errors import InputError
from xct4d.readers.reader import Acquisition
from xct4d.readers.split import ASIDE, TRAIN, train_number

SAME = 1e-9  # times closer than this are the same
_KEY = "input.sequence"


def thinned(acquisition: Acquisition, times: Sequence[np.ndarray], role: np.ndarray, settings: config.Sequence) -> np.ndarray:
    """The roles [F] of the sequence's projections (readers.split), with those left aside that `settings` leaves out.

    times: of each projection's views, in [0, 1]. Outside the window everything
    is left aside, within it only what would be trained on. Raises InputError
    where a name has no number that `indices` needs, or nothing is left to train on.
    """
    middle = np.array([time.mean() for time in times])
    inside = (middle >= settings.start - SAME) & (middle <= settings.stop + SAME)
    role = np.where(inside, role, ASIDE)
    kept = np.ones(len(role), bool)
    if settings.step > 1:
        moments = np.unique(np.round(middle[inside], 9))
        kept &= np.isin(np.round(middle, 9), moments[:: settings.step])
    if settings.indices is not None:
        for i in np.flatnonzero(role == TRAIN).tolist():
            number = train_number(acquisition.projections[i])
            if number is None:
                raise InputError(
                    "has no number behind train to select by", where=acquisition.projections[i].where, fix=f"remove {_KEY}.indices"
                )
            kept[i] &= number in settings.indices
    role = np.where((role == TRAIN) & ~kept, ASIDE, role)
    if not (role == TRAIN).any():
        raise InputError(f"leaves no projection of {acquisition.path} to train on", where=_KEY, fix="choose other limits")
    return role
