"""Parameters of rules as Snakemake's own report may show them.

Snakemake writes the parameters of a rule into a script of its report as they
are: a name of a file must be no markup there.
"""

from __future__ import annotations

import json
import re
from typing import Any


def without_markup(values: Any) -> str:
    """Plain values as JSON without the characters that HTML takes for markup: `json.loads` gives the values back."""
    return re.sub(r"[<>&']", lambda found: f"\\u{ord(found[0]):04x}", json.dumps(values))
