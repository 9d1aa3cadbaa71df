"""The page of a result: one HTML file that needs nothing else.

`Content` is what the page of a dataset says, `JoinedContent` what that of a
joined experiment does; the templates beside this file say how. All
text is escaped by jinja2.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import ClassVar

from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image

from xct4d.report.films import Film
from xct4d.report.geometry_drawing import Drawing
from xct4d.report.headline import Headline
from xct4d.report.tables import StageCost, Table
from xct4d.report.volume_view import VolumeView


@dataclass(frozen=True)
class Figure:
    """An image that the page holds."""

    name: str
    image: str  # data URI
    size: tuple[int, int]  # width and height, pixels
    alt: str
    caption: str


@dataclass(frozen=True, kw_only=True)
class _Shown:
    """What every page says."""

    title: str
    static: bool = False  # nothing moves
    headline: Headline
    times: Sequence[str]  # what the slider says of each time
    volume: VolumeView
    films: Sequence[Film]
    quality: Table
    held_out: str
    classical: Table | None = None
    trust: Table | None
    figures: Mapping[str, Sequence[Figure]]  # by the section of the page
    provenance: Table


@dataclass(frozen=True, kw_only=True)
class Content(_Shown):
    """All that the page of a dataset says."""

    template: ClassVar[str] = "report.html"
    dataset: str
    facts: Sequence[tuple[str, str]]
    drawing: Drawing
    stages: Sequence[StageCost]
    jobs: Table
    volumes: Sequence[tuple[str, str, int]]  # what they hold, their folder, and the number of times
    results: str  # folder of the dataset's results
    configuration: str


@dataclass(frozen=True)
class Segment:
    """One segment of a joined experiment."""

    name: str
    page: str  # link to its own page
    interval: str  # its part of the time
    agreement: str  # of the scan that it begins with


@dataclass(frozen=True, kw_only=True)
class JoinedContent(_Shown):
    """All that the page of an experiment says that was joined from segments."""

    template: ClassVar[str] = "joined.html"
    segments: Sequence[Segment]
    series: Sequence[tuple[str, str, int]]  # films: what they hold, their folder, and the number of times


def figure(path: Path, alt: str, caption: str) -> Figure:
    """A PNG file as a figure, without loss in a smaller format."""
    target = io.BytesIO()
    with Image.open(path) as image:
        image.convert("RGB").save(target, "WEBP", lossless=True, quality=60, method=4)
        return Figure(path.stem, f"data:image/webp;base64,{base64.b64encode(target.getvalue()).decode()}", image.size, alt, caption)


def render(content: Content | JoinedContent) -> str:
    """The page as HTML."""
    environment = Environment(
        loader=PackageLoader(__name__), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["repr"] = repr
    panels = {f"{film.name}-{k}": panel.images for film in content.films for k, panel in enumerate(film.panels)}
    changing = {"times": content.times, "panels": panels, "volume": asdict(content.volume)}
    return environment.get_template(content.template).render(
        {own.name: getattr(content, own.name) for own in fields(content)}, changing=changing
    )
