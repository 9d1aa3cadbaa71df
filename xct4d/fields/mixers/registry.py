"""The mixers by the names that the configuration has for them."""

from __future__ import annotations

from xct4d.fields.mixers.annealed_temporal import AnnealedTemporalMixer
from xct4d.fields.mixers.base import Mixer, TrainedMixer
from xct4d.fields.mixers.constant import ConstantMixer
from xct4d.fields.mixers.smoothstep import SmoothStepMixer
from xct4d.fields.mixers.spline import SplineMixer
from xct4d.fields.mixers.temporal import TemporalMixer
from xct4d.fields.mixers.trained_constant import TrainedConstantMixer
from xct4d.fields.mixers.trained_smoothstep import TrainedSmoothStepMixer
from xct4d.fields.mixers.trained_temporal import TrainedTemporalMixer

# by Mixing.method
MIXERS: dict[str, type[Mixer]] = {
    "constant": ConstantMixer,
    "temporal": TemporalMixer,
    "smoothstep": SmoothStepMixer,
    "trained_constant": TrainedConstantMixer,
    "trained_temporal": TrainedTemporalMixer,
    "trained_smoothstep": TrainedSmoothStepMixer,
    "annealed_temporal": AnnealedTemporalMixer,
    "spline": SplineMixer,
}


def trained_mixer(method: str) -> type[TrainedMixer]:
    """The class of a mixer that is trained. Raises ValueError for another."""
    mixer = MIXERS[method]
    if not issubclass(mixer, TrainedMixer):
        raise ValueError(f"mixing: {method} is not trained")
    return mixer
