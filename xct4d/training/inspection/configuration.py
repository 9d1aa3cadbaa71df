"""The configuration of a training, as a text in TensorBoard."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

import yaml
from torch.utils.tensorboard import SummaryWriter


def write_configuration(board: SummaryWriter, values: Mapping[str, Any], step: int) -> None:
    """values: plain ones, which are shown as YAML."""
    board.add_text("configuration", textwrap.indent(yaml.safe_dump(dict(values), sort_keys=False), "    "), step)
