"""`xct4d film` on a finished result."""

import numpy as np
import pytest
from PIL import Image

from xct4d.commands import film
from xct4d.commands.main import main
from xct4d.pictures import views
from xct4d.pictures.film import round_length


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    for module, name, size in ((film, "IMAGES", 3), (views, "PIXELS", 20), (views, "DEPTH", 12), (views, "COARSE", 8)):
        monkeypatch.setattr(module, name, size)


@pytest.mark.parametrize("arguments", [["mixed", "--maximum"], ["displacement", "--axis", "z", "--at", "0.3"], ["logarithmic_strain.zz"]])
def test_a_gif_has_a_picture_for_each_time(results, tmp_path, arguments):
    path = tmp_path / "film.gif"
    assert main(["film", str(results / "known"), *arguments, "--output", str(path)]) == 0
    with Image.open(path) as picture:
        assert picture.n_frames == 3
        assert picture.size == (560, 480)


def test_an_mp4_moves(results, capsys):
    import imageio.v2 as imageio

    assert main(["film", str(results / "known")]) == 0
    path = results / "known/films/mixed_y.mp4"
    assert capsys.readouterr().out.strip() == str(path)
    frames = [frame for frame in imageio.get_reader(path)]  # noqa: C416 - the reader's length is infinite
    assert len(frames) == 3
    assert np.abs(frames[0].astype(int) - frames[2]).max() > 50


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("still", [], "has no film: nothing moves"),
        ("followed", ["backward"], "a dataset without a second scan has no backward; take forward"),
        ("followed", ["mixing_coefficient"], "a dataset without a second scan has no mixing_coefficient; take forward"),
        ("known", ["speed"], "WHAT: speed cannot be shown; take one of mixed, forward, backward, displacement, "),
        ("known", ["mixed.x"], "WHAT: mixed.x cannot be shown"),
        ("known", ["logarithmic_strain"], "WHAT: logarithmic_strain has components; take one, such as logarithmic_strain.xx"),
        ("known", ["jacobian.x"], "WHAT: jacobian has no x; it has no components"),
        ("known", ["--at", "4"], "--at: 4 lies outside the box, which ends at 3 mm from its centre"),
        ("known", ["--at", "1", "--maximum"], "--at: a maximum has no position"),
        ("known", ["--output", "film.avi"], "film.avi: is no film; let its name end in .mp4 or .gif"),
    ],
)
def test_what_cannot_be_shown_is_told_in_one_line(results, capsys, name, arguments, said):
    assert main(["film", str(results / name), *arguments]) == 1
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1


def test_scale_bars_have_round_lengths():
    assert [round_length(longest) for longest in (0.5, 0.49, 3.0, 19.0, 0.0012)] == pytest.approx([0.5, 0.2, 2.0, 10.0, 0.001])
