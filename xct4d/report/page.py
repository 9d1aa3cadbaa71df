"""A page of text, tables and figures in one HTML file that needs nothing else."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from pathlib import Path

_STYLE = """\
body { font: 15px/1.45 system-ui, sans-serif; color: #222; background: #fff; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.2rem; border-bottom: 1px solid #ccc; }
table { border-collapse: collapse; margin: .8rem 0; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .7rem; border-bottom: 1px solid #e4e4e4; text-align: right; }
th { font-weight: 600; vertical-align: bottom; } th:first-child, td:first-child { text-align: left; }
figure { margin: 1.2rem 0; } figure img { max-width: 100%; } figcaption, p.note { color: #555; font-size: .9rem; }
pre { background: #f6f6f6; padding: .8rem; overflow-x: auto; font-size: .8rem; line-height: 1.35; }
"""


class Page:
    """Collects sections; `html` is the whole page. All text is escaped."""

    def __init__(self, title: str):
        self._title = title
        self._parts = [f"<h1>{escape(title)}</h1>"]

    def heading(self, text: str) -> None:
        self._parts.append(f"<h2>{escape(text)}</h2>")

    def note(self, text: str) -> None:
        self._parts.append(f'<p class="note">{escape(text)}</p>')

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Cells as text; the first column is aligned to the left, the others to the right. No rows, no table."""
        if rows:
            lines = [_row("th", head), *(_row("td", row) for row in rows)]
            self._parts.append("<table>\n" + "\n".join(lines) + "\n</table>")

    def figure(self, image: Path, caption: str) -> None:
        """A PNG file, stored in the page."""
        data = base64.b64encode(image.read_bytes()).decode()
        self._parts.append(
            f'<figure><img alt="{escape(image.stem)}" src="data:image/png;base64,{data}"><figcaption>{escape(caption)}</figcaption></figure>'
        )

    def text(self, text: str) -> None:
        """Text as it is, lines and spaces kept."""
        self._parts.append(f"<pre>{escape(text)}</pre>")

    @property
    def html(self) -> str:
        head = f'<meta charset="utf-8">\n<title>{escape(self._title)}</title>\n<style>\n{_STYLE}</style>'
        return f'<!DOCTYPE html>\n<html lang="en">\n<head>\n{head}\n</head>\n<body>\n' + "\n".join(self._parts) + "\n</body>\n</html>\n"


def _row(tag: str, cells: Sequence[str]) -> str:
    return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"
