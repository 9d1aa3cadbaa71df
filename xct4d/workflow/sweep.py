"""Parameter sweeps: variants of a dataset that share every stage that they can.

A value changes the stage of its section and the stages that read its output.
The output of a stage is therefore stored once for all variants that agree in
the values that change it: under the variant that has these values alone, which
is called the home of that output.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from pydantic import ValidationError

from xct4d.config import Config, explain
from xct4d.errors import InputError
from xct4d.workflow.stages import first_stage, reaches

MOST_VARIANTS = 1000  # of a dataset; more would be planned for minutes, and computed for years
WORD = re.compile(r"[\w.+-]+")

Value = int | float | str | bool


@dataclass(frozen=True)
class Variant:
    """A dataset with some values of a sweep."""

    dataset: str
    values: dict[str, Value] = field(default_factory=dict)  # dotted key: value, in the order of the configuration

    @property
    def name(self) -> str:
        """Name of its folder: balls~canonical.steps=300,velocity.rays=1024. Keys are written out, so two sweeps never share a name."""
        if not self.values:
            return self.dataset
        return f"{self.dataset}~" + ",".join(f"{key}={value}" for key, value in self.values.items())

    def home(self, stage: str, level: int | None = None, state: str | None = None) -> Variant:
        """The variant under which the output of a stage is stored that this one uses.

        level: index of one level, where the stage has several; None: the finest.
        state: where the stage has one job for each; None: any.
        """
        return Variant(self.dataset, {key: value for key, value in self.values.items() if reaches(key, stage, level, state)})


def variants(dataset: str, config: Config, where: str) -> list[Variant]:
    """One variant for each combination of the sweep's values; the dataset itself where there is no sweep.

    A value that equals the dataset's own is left out of a variant's name: the
    combination of such values alone is the dataset itself. where: what messages
    call the configuration. Raises InputError for a key that cannot be swept or
    a value that cannot stand in a folder's name.
    """
    tree, own = config.model_dump(exclude={"sweep"}), {}
    for key, values in config.sweep.items():
        if first_stage(key) is None:
            raise InputError(
                "cannot be swept",
                where=f"{where}: sweep: {key}",
                fix="name a key of a stage, such as velocity.ode_step; other data are another dataset",
            )
        section, last = _holder(tree, key, where)
        own[key] = section.get(last)
        if not values or len({str(value) for value in values}) != len(values):
            raise InputError("needs values, each once", where=f"{where}: sweep: {key}")
        for value in values:
            if not WORD.fullmatch(str(value)):
                raise InputError(
                    f"{value!r} cannot stand in a folder's name", where=f"{where}: sweep: {key}", fix="sweep over numbers or words"
                )
    count = math.prod(map(len, config.sweep.values()))
    if count > MOST_VARIANTS:
        raise InputError(f"has {count} combinations", where=f"{where}: sweep", fix=f"at most {MOST_VARIANTS} are planned; leave out values")
    combinations = [dict(zip(config.sweep, values, strict=True)) for values in product(*config.sweep.values())]
    return [Variant(dataset, {key: value for key, value in chosen.items() if value != own[key]}) for chosen in combinations]


def chosen(variant: Variant, config: Config, where: str) -> dict[str, Value]:
    """The value that a variant has of each key of its dataset's sweep, its dataset's own among them."""
    tree = config.model_dump(exclude={"sweep"})
    values: dict[str, Value] = {}
    for key in config.sweep:
        section, last = _holder(tree, key, where)
        values[key] = variant.values[key] if key in variant.values else section[last]
    return values


def configured(variant: Variant, config: Config, where: str) -> Config:
    """The dataset's configuration with the variant's values. Raises InputError for an unknown key or a wrong value."""
    tree = config.model_dump(exclude={"sweep"})
    for key, value in variant.values.items():
        section, last = _holder(tree, key, where)
        section[last] = value
    try:
        return Config.model_validate(tree)
    except ValidationError as error:
        raise InputError(explain(error, Config), where=f"{where}: sweep") from None


def _holder(tree: dict[str, Any], key: str, where: str) -> tuple[dict[str, Any], str]:
    """The section that holds a dotted key, and the key's last part.

    tree: the sections as plain values. Whether the section has such a key is
    checked by the models later, which suggest the nearest one. Raises InputError
    where there is no such section, or the key names a section itself.
    """
    *parents, last = key.split(".")
    node: Any = tree
    for part in parents:
        if isinstance(node, list):
            node = node[int(part)] if part.isdecimal() and int(part) < len(node) else None
        else:
            node = node.get(part) if isinstance(node, dict) else None
    if not isinstance(node, dict):
        raise InputError(
            "there is no such key",
            where=f"{where}: sweep: {key}",
            fix="see config/default.yaml; levels count from 0: velocity.levels.0.steps",
        )
    if isinstance(node.get(last), (dict, list, tuple)):
        raise InputError(
            "holds more than one value", where=f"{where}: sweep: {key}", fix="name a key within it, such as velocity.levels.0.steps"
        )
    return node, last
