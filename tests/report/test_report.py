"""The report of a model whose motion is known in closed form, and Snakemake's own page of it."""

from __future__ import annotations

import itertools
import json
import re
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from ball_projections import HISTORY, save
from evolution_in_closed_form import DRIFT, BallPhantom, DriftingBall, FollowedBall, StillBall
from PIL import Image

from workflow import ROOT
from xct4d.config import Evaluate, Export
from xct4d.errors import InputError
from xct4d.fields.mixers.spline import SplineMixer
from xct4d.fields.trained_model import TrainedModel
from xct4d.io.stage_records import read_metrics
from xct4d.report import model_figures, result_record
from xct4d.report.result_record import ResultRecord
from xct4d.stages.evaluate import evaluate_model
from xct4d.stages.export import export_volumes
from xct4d.stages.report import captioned, copy_figure, report_model
from xct4d.units import Scale

N = 32
WRITTEN = yaml.safe_load((ROOT / "workflow/report/captions.yaml").read_text())
CAPTIONS = {name: entry for name, entry in WRITTEN.items() if "section" in entry}
BENCHMARK = "s\th:m:s\tmax_rss\tmean_load\n3725.2\t1:02:05\t686.87\t197.88\n"


class Drifting(DriftingBall):
    velocity = SimpleNamespace(resolution=9)
    mixing_is_trained = True

    def alpha(self, points, t):
        return SplineMixer(5, 4)(points, t).detach()


def run(tmp_path, model, times=(0.0, 0.5, 1.0), unit_mm=None, dataset="a<b", configuration=None):
    kinds = model.kinds
    volumes = {(kind, t): tmp_path / kind / f"{t}.zarr" for t in times for kind in kinds}
    for t in times:
        export_volumes(model, Export(resolution=N), t, Scale(unit_mm), {kind: volumes[kind, t] for kind in kinds})
    prepared = {"forward": save(tmp_path / "prepared", times=[0.0, 0.0], held_out=[False, True], unit_mm=unit_mm)}
    Image.new("L", (4, 4)).save(tmp_path / "prepared" / "preview.png")
    evaluate_model(model, volumes, prepared, BallPhantom(), Evaluate(resolution=N), tmp_path / "evaluation", {"canonical forward": HISTORY})
    (tmp_path / "canonical.tsv").write_text(BENCHMARK)
    jobs = {"canonical_forward": tmp_path / "canonical.tsv", "lost": tmp_path / "nothing.tsv"}
    record = ResultRecord(
        dataset=dataset, model=TrainedModel(forward=tmp_path / "canonical"), scale=Scale(unit_mm), volumes=volumes,
        evaluation=tmp_path / "evaluation", training={"canonical forward": tmp_path / "canonical"}, configuration=configuration or {"seed": 7},
    )  # fmt: skip
    report_model(model, record, prepared, jobs, CAPTIONS, tmp_path / "report", BallPhantom())
    return tmp_path / "report"


class Reader(HTMLParser):
    """Text, tables, tags and addresses of a page."""

    def __init__(self, html):
        super().__init__()
        self.rows, self.sources, self.images, self.tags, self.text, self._open = [], [], [], [], "", None
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag == "img":
            self.images.append(dict(attributes))
        self.sources += [value for name, value in attributes if name in ("src", "href") and tag != "a"]
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        self._open = tag if tag in ("td", "th") else None

    def handle_endtag(self, _tag):
        self._open = None

    def handle_data(self, data):
        self.text += data
        if self._open:
            self.rows[-1][-1] += data


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Folder of a run whose motion lags behind, in mm."""
    folder = tmp_path_factory.mktemp("moving")
    run(folder, Drifting(lag=0.75), unit_mm=3.0)
    return folder


def test_the_page_says_what_the_files_say(place):
    folder = place / "report"
    page = Reader((folder / "report.html").read_text())
    record = json.loads((place / "evaluation" / "metrics.json").read_text())
    head = next(row for row in page.rows if row[:2] == ["t", "self-correlation"])
    for entry in record["times"]:
        row = next(row for row in page.rows if row[0] == f"{entry['time']:g}" and len(row) == len(head))
        cells = dict(zip(head, row, strict=True))
        assert float(cells["self-correlation"]) == pytest.approx(entry["self_correlation"], abs=1e-4)
        assert float(cells["mixed"]) == pytest.approx(entry["correlation"]["mixed"], abs=1e-4)
        assert float(cells["error (mm)"]) == pytest.approx(3 * entry["displacement_error"]["mean"], abs=1e-4)  # mm
    assert "1 projection, 1 more held out; 24 x 24 pixels" in page.text
    assert "the box is 6 mm wide" in page.text
    assert "32 x 32 x 32 voxels of 0.1875 mm" in page.text
    assert ["canonical", "1", "1:02:05", "share", "687"] in page.rows or ["canonical", "1", "1:02:05", "", "687"] in page.rows
    assert ["canonical_forward", "1:02:05", "687"] in page.rows
    assert ["lost", "", ""] in page.rows
    assert "a<b: 4D reconstruction" in page.text
    assert "seed: 7" in page.text
    assert "torch" in page.text


def test_the_page_needs_nothing_but_itself_and_shows_every_figure(place):
    folder = place / "report"
    page = Reader((folder / "report.html").read_text())
    figures = {path.stem for path in folder.glob("*.png")}
    assert figures == {
        "attenuation_error",
        "canonical",
        "correlation",
        "held_out",
        "mixing",
        "motion",
        "prepared_forward",
        "slices",
        "training",
        "volumes",
    }
    assert all(source.startswith("data:image/webp;base64,") for source in page.sources)
    assert not [tag for tag, own in page.tags if tag in ("link", "script") and ("href" in own or "src" in own)]
    assert all(" ".join(CAPTIONS[name]["caption"].split()) in " ".join(page.text.split()) for name in figures)
    shown = {image["alt"] for image in page.images}
    assert {CAPTIONS[name]["alt"] for name in figures} <= shown


def test_the_page_can_be_read_without_seeing_it(place):
    page = Reader((place / "report/report.html").read_text())
    assert page.images
    assert all(image.get("alt") for image in page.images)
    headings = [int(tag[1]) for tag, _ in page.tags if tag in ("h1", "h2", "h3")]
    assert headings[0] == 1
    assert headings.count(1) == 1
    assert all(later <= earlier + 1 for earlier, later in itertools.pairwise(headings))
    (slider,) = [own for tag, own in page.tags if tag == "input"]
    assert slider["aria-label"] == "Time"
    assert slider["aria-valuetext"] == "t = 0.5"
    assert (slider["min"], slider["max"], slider["value"]) == ("0", "2", "1")
    anchors = {own["id"] for _, own in page.tags if "id" in own}
    assert {own["href"][1:] for tag, own in page.tags if tag == "a" and own["href"].startswith("#")} <= anchors


def test_the_slider_has_an_image_of_each_panel_and_time(place):
    html = (place / "report/report.html").read_text()
    changing = json.loads(re.search(r'<script type="application/json" id="films">(.*?)</script>', html)[1])
    page = Reader(html)
    assert changing["times"] == ["t = 0", "t = 0.5", "t = 1"]
    assert set(changing["panels"]) == {image["data-panel"] for image in page.images if "data-panel" in image}
    assert all(len(images) == 3 for images in changing["panels"].values())
    assert len(changing["volume"]["images"]) == 3
    for image in page.images:
        if "data-panel" in image:
            assert image["src"] == changing["panels"][image["data-panel"]][1]


def test_motion_shown_is_the_motion(tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr(model_figures.plots, "maps", lambda _path, rows, titles, **_: shown.append((rows, titles)))
    model_figures.draw_motion(tmp_path / "motion.png", model_figures.ShownModel(Drifting(), Scale(2.0)), [0.5, 1.0])
    (((moved, grown, strained), titles),) = shown
    assert titles == ["from t = 0 to 0.5", "from t = 0 to 1"]
    for t, distance, growth, strain, arrows in zip((0.5, 1.0), moved.images, grown.images, strained.images, moved.arrows, strict=True):
        inside = np.isfinite(distance)
        assert 0 < inside.sum() < inside.size
        assert distance[inside] == pytest.approx(2 * t * np.linalg.norm(DRIFT), rel=1e-5)
        assert np.abs(growth[inside]).max() < 1e-4
        assert strain[inside].max() < 1e-4
        right, up = ((0, 1), (0, 2), (1, 2))[moved.axis]
        assert arrows[:, 2:] == pytest.approx(np.tile(2 * t * DRIFT[[right, up]], (len(arrows), 1)), rel=1e-5)


def test_the_record_names_what_the_report_was_made_of(place):
    record = ResultRecord.load(place / "report" / result_record.NAME)
    assert record.dataset == "a<b"
    assert record.scale == Scale(3.0)
    assert record.configuration == {"seed": 7}
    assert record.model == TrainedModel(forward=place / "canonical")
    assert record.evaluation == place / "evaluation"
    assert record.training == {"canonical forward": place / "canonical"}
    assert record.volumes["mixed", 0.5] == place / "mixed" / "0.5.zarr"
    assert len(record.volumes) == 9


def test_an_equal_result_gives_equal_figures_and_a_page_that_differs_in_its_date_alone(place, tmp_path):
    run(tmp_path, Drifting(lag=0.75), unit_mm=3.0)
    assert all(path.read_bytes() == (tmp_path / "report" / path.name).read_bytes() for path in (place / "report").glob("*.png"))
    pages = []
    for folder in (place, tmp_path):
        html = (folder / "report/report.html").read_text().replace(str(folder), "")
        pages.append(re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d[+-]\d\d:\d\d", "DATE", html))
    assert pages[0] == pages[1]


def test_a_figure_without_a_caption_is_an_error(place):
    with pytest.raises(ValueError, match="without a caption: motion"):
        captioned(place / "report", {name: own for name, own in CAPTIONS.items() if name != "motion"})


def test_missing_inputs_are_named(tmp_path):
    with pytest.raises(InputError, match=r"metrics\.json: cannot be read"):
        read_metrics(tmp_path / "metrics.json")
    with pytest.raises(InputError, match=r"preview\.png: is missing"):
        copy_figure(tmp_path / "preview.png", tmp_path / "copy.png")


def test_text_on_the_page_of_a_scan_at_rest_is_never_markup(tmp_path):
    """Names of datasets, files and keys come from users."""
    evil = "</script><script>alert(1)</script>&amp;'\""
    folder = run(tmp_path, StillBall(), times=(0.0,), dataset=evil, configuration={"input": {"scene": evil, "folder": None}})
    html = (folder / "report.html").read_text()
    assert "alert(1)</script>" not in html
    page = Reader(html)
    assert f"{evil}: reconstruction" in page.text  # not 4D: nothing moves
    assert not (folder / "motion.png").exists()
    assert not [own for tag, own in page.tags if tag == "input"]
    assert [tag for tag, _ in page.tags].count("script") == 2


def test_the_page_of_a_sequence_after_a_single_scan(tmp_path):
    folder = run(tmp_path, FollowedBall(), times=(0.0, 1.0))
    page = Reader((folder / "report.html").read_text())
    assert "There is no second scan to agree with: how far the motion is determined is not known." in page.text
    assert "displacement error" not in page.text
    assert "self-correlation" not in page.text
    assert "backward - forward" not in page.text.lower()
    assert (folder / "motion.png").exists()
