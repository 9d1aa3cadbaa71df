"""The report of a model whose motion is known in closed form, and Snakemake's own page of it."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from ball_projections import HISTORY, save
from evolution_in_closed_form import DRIFT, BallPhantom, DriftingBall, StillBall
from PIL import Image

from workflow import ROOT
from xct4d.config import Evaluate, Export
from xct4d.errors import InputError
from xct4d.fields.mixers.spline import SplineMixer
from xct4d.fields.trained_model import TrainedModel
from xct4d.io.stage_records import read_metrics
from xct4d.report import model_figures, result_record
from xct4d.report.page import Page
from xct4d.report.result_record import ResultRecord
from xct4d.report.tables import add_quality
from xct4d.stages.evaluate import evaluate_model
from xct4d.stages.export import export_volumes
from xct4d.stages.report import copy_figure, report_model
from xct4d.units import Scale

N = 32
CAPTIONS = {name: entry["caption"] for name, entry in yaml.safe_load((ROOT / "workflow/report/captions.yaml").read_text()).items()}
BENCHMARK = "s\th:m:s\tmax_rss\tmean_load\n3725.2\t1:02:05\t686.87\t197.88\n"


class Drifting(DriftingBall):
    velocity = SimpleNamespace(resolution=9)
    mixing_is_trained = True

    def alpha(self, points, t):
        return SplineMixer(5, 4)(points, t).detach()


def run(tmp_path, model, times=(0.0, 0.5, 1.0), unit_mm=None):
    kinds = ("forward",) if model.static else ("mixed", "forward", "backward")
    volumes = {(kind, t): tmp_path / kind / f"{t}.zarr" for t in times for kind in kinds}
    for t in times:
        export_volumes(model, Export(resolution=N), t, Scale(unit_mm), {kind: volumes[kind, t] for kind in kinds})
    prepared = {"forward": save(tmp_path / "prepared", times=[0.0, 0.0], held_out=[False, True], unit_mm=unit_mm)}
    Image.new("L", (4, 4)).save(tmp_path / "prepared" / "preview.png")
    evaluate_model(model, volumes, prepared, BallPhantom(), Evaluate(resolution=N), tmp_path / "evaluation", {"canonical forward": HISTORY})
    (tmp_path / "canonical.tsv").write_text(BENCHMARK)
    jobs = {"canonical_forward": tmp_path / "canonical.tsv", "lost": tmp_path / "nothing.tsv"}
    record = ResultRecord(
        dataset="a<b", model=TrainedModel(forward=tmp_path / "canonical"), scale=Scale(unit_mm), volumes=volumes,
        evaluation=tmp_path / "evaluation", training={"canonical forward": tmp_path / "canonical"}, configuration={"seed": 7},
    )  # fmt: skip
    report_model(model, record, prepared, jobs, CAPTIONS, tmp_path / "report")
    return tmp_path / "report"


def quality(times, mean, at=(0.5,)):
    """The part of a page that tells of such scores of held-out projections."""
    page = Page("")
    entries = [{"time": t, "self_correlation": 0.9, "correlation": None} for t in at]
    add_quality(page, {"times": entries, "held_out": {"times": times, "mean": mean}}, Scale())
    return Reader(page.html)


class Reader(HTMLParser):
    """Text, tables and addresses of a page."""

    def __init__(self, html):
        super().__init__()
        self.rows, self.sources, self.text, self._open = [], [], "", None
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.sources += [value for name, value in attributes if name in ("src", "href")]
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


def test_the_page_says_what_the_files_say(tmp_path):
    folder = run(tmp_path, Drifting(lag=0.75), unit_mm=3.0)
    page = Reader((folder / "report.html").read_text())
    record = json.loads((tmp_path / "evaluation" / "metrics.json").read_text())
    head = next(row for row in page.rows if row[0] == "t")
    for entry in record["times"]:
        cells = dict(zip(head, next(row for row in page.rows if row[0] == f"{entry['time']:g}"), strict=True))
        assert float(cells["self-correlation"]) == pytest.approx(entry["self_correlation"], abs=1e-4)
        assert float(cells["mixed"]) == pytest.approx(entry["correlation"]["mixed"], abs=1e-4)
        assert float(cells["error"]) == pytest.approx(3 * entry["displacement_error"]["mean"], abs=1e-4)  # mm
    assert ["forward", "1", "1", "1", "24 x 24"] in page.rows
    assert ["canonical_forward", "1:02:05", "687"] in page.rows
    assert ["lost", "", ""] in page.rows
    assert "a<b: 4D reconstruction" in page.text
    assert "seed: 7" in page.text
    assert "torch" in page.text


def test_scores_that_do_not_exist_are_left_out():
    """Images smaller than SSIM's window have none; equal ones no finite PSNR."""
    page = quality(times=[{"time": 0.5, "count": 2, "psnr": None, "ssim": None}], mean={"count": 2, "psnr": None, "ssim": None})
    assert "All 2 held-out projections on average: without a score." in page.text
    page = quality(times=[{"time": 0.5, "count": 2, "psnr": 30.0, "ssim": None}], mean={"count": 2, "psnr": 30.0, "ssim": None})
    assert "All 2 held-out projections on average: PSNR (dB) 30.0." in page.text
    assert page.rows[0][-1] == "PSNR (dB)"


def test_scores_of_a_time_are_found_beside_rounding():
    times = [{"time": t, "count": 1, "psnr": psnr, "ssim": 0.9} for t, psnr in ((0.1 + 0.2, 30.0), (0.31, 20.0))]
    page = quality(times, {"count": 2, "psnr": 25.0, "ssim": 0.9}, at=(0.3, 0.4))
    assert [row[-2:] for row in page.rows[1:]] == [["30.0", "0.9000"], ["", ""]]


def test_the_page_needs_nothing_but_itself_and_shows_every_figure(tmp_path):
    folder = run(tmp_path, Drifting())
    page = Reader((folder / "report.html").read_text())
    figures = {path.stem for path in folder.glob("*.png")}
    assert figures == {"canonical", "correlation", "held_out", "mixing", "motion", "prepared_forward", "slices", "training", "volumes"}
    assert len(page.sources) == len(figures)
    assert all(source.startswith("data:image/png;base64,") for source in page.sources)
    assert all(" ".join(CAPTIONS[name].split()) in " ".join(page.text.split()) for name in figures)


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


def test_the_record_names_what_the_report_was_made_of(tmp_path):
    folder = run(tmp_path, Drifting(), unit_mm=3.0)
    record = ResultRecord.load(folder / result_record.NAME)
    assert record.dataset == "a<b"
    assert record.scale == Scale(3.0)
    assert record.configuration == {"seed": 7}
    assert record.model == TrainedModel(forward=tmp_path / "canonical")
    assert record.evaluation == tmp_path / "evaluation"
    assert record.training == {"canonical forward": tmp_path / "canonical"}
    assert record.volumes["mixed", 0.5] == tmp_path / "mixed" / "0.5.zarr"
    assert len(record.volumes) == 9


def test_equal_inputs_give_equal_figures(tmp_path):
    one, two = (run(tmp_path / name, Drifting()) for name in "ab")
    assert all(path.read_bytes() == (two / path.name).read_bytes() for path in one.glob("*.png"))


def test_a_static_dataset_has_no_motion(tmp_path):
    folder = run(tmp_path, StillBall(), times=(0.0,))
    assert not (folder / "motion.png").exists()
    assert "a<b: reconstruction" in Reader((folder / "report.html").read_text()).text


def test_a_figure_without_a_caption_is_an_error(tmp_path, monkeypatch):
    monkeypatch.delitem(CAPTIONS, "motion")
    with pytest.raises(ValueError, match="without a caption: motion"):
        run(tmp_path, Drifting())
    assert not (tmp_path / "report").exists()


def test_missing_inputs_are_named(tmp_path):
    with pytest.raises(InputError, match=r"metrics\.json: cannot be read"):
        read_metrics(tmp_path / "metrics.json")
    with pytest.raises(InputError, match=r"preview\.png: is missing"):
        copy_figure(tmp_path / "preview.png", tmp_path / "copy.png")


def test_text_on_a_page_is_never_markup():
    page = Page("<i>")
    page.note("<b>&amp;")
    page.table(["<u>"], [["<s>"]])
    page.text("<pre>")
    reader = Reader(page.html)
    assert "<b>&amp;" in reader.text
    assert reader.rows == [["<u>"], ["<s>"]]
