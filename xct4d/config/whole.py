"""The configuration of one dataset: all sections, and what a file of several datasets means."""

from __future__ import annotations

import copy
import re
from typing import Annotated, Any

from pydantic import Field, ValidationError

from xct4d.config.analyse import Analyse
from xct4d.config.base import NAME, Device, Section, explain
from xct4d.config.calibration import Calibration
from xct4d.config.canonical import Canonical
from xct4d.config.evaluate import Evaluate
from xct4d.config.export import Export
from xct4d.config.input import Input
from xct4d.config.mixing import Mixing
from xct4d.config.prepare import Prepare
from xct4d.config.refinement import Refinement
from xct4d.config.registration import Registration
from xct4d.config.setup import Setup
from xct4d.config.trust import Trust
from xct4d.config.velocity import Velocity
from xct4d.errors import InputError


class Config(Section):
    """The whole configuration of one dataset."""

    input: Input
    setup: Setup = Setup()
    prepare: Prepare = Prepare()
    canonical: Canonical = Canonical()
    calibration: Calibration = Calibration()
    registration: Registration = Registration()
    velocity: Velocity = Velocity()
    refinement: Refinement = Refinement()
    trust: Trust = Trust()
    mixing: Mixing = Mixing()
    export: Export = Export()
    analyse: Analyse = Analyse()
    evaluate: Evaluate = Evaluate()
    device: Device = Field(
        "auto", description="auto: a CUDA GPU where the machine has one; cuda: always one, and one asked for on a cluster; cpu"
    )
    seed: Annotated[int, Field(ge=0, lt=2**31)] = Field(
        0, description="seed of the random numbers of training; the noise of a scene has a seed of its own, in the scene"
    )
    sweep: dict[str, list[int | float | bool | str]] = Field(
        {},
        description="dotted key -> values: each combination is run as a dataset of its own, sharing every stage that it can; "
        "a dataset's own sweep replaces this one, and {} leaves the dataset out of it",
    )


# Keys that change no result, in the form in which pydantic excludes them: where and how often
# something is computed or stored, and which results are asked for. No job reruns for them.
CHANGES_NO_RESULT: dict[str, Any] = {
    "device": True,
    "canonical": {"checkpoint_every"},
    "velocity": {"checkpoint_every"},
    "refinement": {"checkpoint_every"},
    "mixing": {"checkpoint_every"},
    "export": {"series", "formats"},
}


def resolve(tree: dict[str, Any], source: str = "config") -> dict[str, Config]:
    """Config of each dataset: the shared sections, overridden by the dataset's own.

    tree: the parsed YAML. `datasets` maps a name to overrides of the other
    sections. source: what messages call it, such as its file. Raises InputError
    naming the key, and the nearest valid one where a key is unknown.
    """
    datasets = tree.get("datasets")
    if not isinstance(datasets, dict) or not datasets:
        raise InputError("no datasets", where=f"{source}: datasets", fix="name at least one, with its input")
    shared = {key: value for key, value in tree.items() if key != "datasets"}
    configs = {}
    for name, own in datasets.items():
        where = f"{source}: datasets.{name}"
        if not isinstance(name, str):
            shown = "true or false" if isinstance(name, bool) else f"a {type(name).__name__}"
            raise InputError(
                f"YAML reads this name as {shown}, not as text", where=where, fix="quote it: '20240115':, '2024-01-15':, 'no':"
            )
        if not re.fullmatch(NAME, name):
            raise InputError("a dataset's name has ASCII letters, digits, - and _ only", where=where)
        if not isinstance(own, dict):
            raise InputError("must map keys to values", where=where, fix="give at least its input")
        try:
            # keys of a shared sweep that a dataset does not name would multiply its own
            configs[name] = Config.model_validate(_merged(shared, own) | ({"sweep": own["sweep"]} if "sweep" in own else {}))
        except ValidationError as error:
            raise InputError(explain(error, Config), where=source + (f" ({name})" if len(datasets) > 1 else "")) from None
    return configs


def _merged(base: dict, over: dict) -> dict:
    out = copy.deepcopy(base)
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(out.get(key), dict):
            out[key] = _merged(out[key], value)
        else:
            out[key] = copy.deepcopy(value)
    return out
