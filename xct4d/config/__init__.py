"""Every key of the configuration: its type, default, limits and meaning.

One module per section, each with a pydantic model; `whole` puts them together.
The default YAML file, the JSON schema and the checks all come from these models,
so a key is described in one place. The Snakefile reads this package on every
run: it imports neither torch nor numba. A stage receives its section as values
(a rule's parameters), so a change of a default reruns what it changes and
nothing else.
"""

from xct4d.config.analyse import Analyse
from xct4d.config.base import NAME, Count, Device, Finite, Fraction, NonNegative, Positive, Section, explain, section_of
from xct4d.config.calibration import Calibration
from xct4d.config.canonical import Canonical, HashGrid
from xct4d.config.corrections import Geometry, Intensities
from xct4d.config.evaluate import Evaluate, EvaluatedRegion
from xct4d.config.export import Export
from xct4d.config.input import Input, Sequence, Split, Truth, VolumeFile
from xct4d.config.mixing import Mixing
from xct4d.config.prepare import Prepare
from xct4d.config.refinement import Refinement
from xct4d.config.registration import Registration
from xct4d.config.setup import Setup
from xct4d.config.training import Decay, DriftingFlatField, FlatField, Schedule
from xct4d.config.trust import Trust
from xct4d.config.velocity import Level, Velocity
from xct4d.config.whole import CHANGES_NO_RESULT, Config, resolve

__all__ = [
    "CHANGES_NO_RESULT", "NAME", "Analyse", "Calibration", "Canonical", "Config", "Count", "Decay", "Device", "DriftingFlatField", "Evaluate",
    "EvaluatedRegion", "Export", "Finite", "FlatField", "Fraction", "Geometry", "HashGrid", "Input", "Intensities", "Level", "Mixing", "NonNegative",
    "Positive", "Prepare", "Refinement", "Registration", "Schedule", "Section", "Sequence", "Setup", "Split", "Trust", "Truth", "Velocity", "VolumeFile",
    "explain", "resolve",
    "section_of",
]  # fmt: skip
