"""Numbers that Snakemake leaves as text: those within lists and mappings after `--config`."""

from __future__ import annotations

from typing import Any

import yaml


def with_numbers(config: Any, given: Any) -> Any:
    """The configuration, in which each text that was given as a number on the command line is that number.

    given: what stood after --config, as Snakemake has read it. What came from
    files stays as it is: text there is no number.
    """
    if isinstance(config, dict) and isinstance(given, dict):
        return {key: with_numbers(value, given[key]) if key in given else value for key, value in config.items()}
    if config != given:
        return config
    if isinstance(config, list):
        return [with_numbers(value, value) for value in config]
    if isinstance(config, str):
        try:
            value = yaml.safe_load(config)
        except yaml.YAMLError:
            return config
        return value if isinstance(value, (int, float)) else config
    return config
