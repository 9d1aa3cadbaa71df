"""What every reader must do. A reader's tests inherit `ReaderTests`.

class TestMyFormat(ReaderTests):
reader = MyReader()
counts = {"forward": 12, "backward": 12}

@pytest.fixture
def folder(self, tmp_path):
return write_my_format(tmp_path / "dataset")
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from xct4d.config import Input, Prepare, Split
from xct4d.errors import InputError
from xct4d.io import prepared
from xct4d.readers.reader import Dataset, Projection, Reader
from xct4d.readers.registry import reader_of
from xct4d.stages.prepare import prepare

_watched: list[Path] | None = None  # files opened while a test watches


def _watch(event: str, arguments: tuple) -> None:
    if event == "open" and _watched is not None and isinstance(arguments[0], str):
        _watched.append(Path(arguments[0]).resolve())


sys.addaudithook(_watch)  # stays for the life of the process; Python has no way to remove it


class ReaderTests:
    """The contract of `xct4d.readers.reader.Reader`."""

    reader: ClassVar[Reader]
    counts: ClassVar[dict[str, int]]  # projections of each state of the dataset in `folder`
    keys: ClassVar[dict] = {}  # of the configuration's section input, where the format needs some
    optional: ClassVar[tuple[str, ...]] = ()  # ends of names of files that may be missing: the dataset is read without them
    registered: ClassVar[bool] = True  # whether the registry is expected to find the reader

    @pytest.fixture
    def folder(self) -> Path:
        """A folder with a small dataset of this format, made anew for each test."""
        raise NotImplementedError

    def options(self, folder: Path) -> Input:
        return Input.model_validate({"folder": str(folder), "split": Split(method="none")} | self.keys)

    def opened(self, folder: Path) -> Dataset:
        return self.reader.open(folder, self.options(folder))

    def projections(self, folder: Path) -> list[Projection]:
        return [projection for acquisition in self.opened(folder).acquisitions.values() for projection in acquisition.projections]

    # --- recognising a folder

    def test_it_has_a_name_and_says_what_it_looks_for(self):
        assert self.reader.name.isidentifier()
        assert self.reader.looks_for

    def test_it_knows_its_own_folder(self, folder):
        assert self.reader.can_read(folder, self.options(folder)) is True

    def test_it_knows_no_other_folder(self, tmp_path):
        (tmp_path / "empty").mkdir()
        (tmp_path / "other").mkdir()
        for name in ("readme.txt", "notes.json", "photo.png", "data.bin"):
            (tmp_path / "other" / name).write_bytes(b"")
        for other in (tmp_path / "empty", tmp_path / "other"):
            assert self.reader.can_read(other, Input(folder=str(other))) is False

    def test_the_registry_finds_it(self, folder):
        if not self.registered:
            pytest.skip("not in the table of formats")
        assert type(reader_of(folder, self.options(folder))) is type(self.reader)

    # --- the files that a state depends on

    def test_states_and_their_files(self, folder):
        files = self.reader.files(folder, self.options(folder))
        assert set(files) == set(self.counts)
        for paths in files.values():
            assert len(set(paths)) == len(paths) > 0
            assert all(path.is_file() and path.resolve().is_relative_to(folder.resolve()) for path in paths)

    def test_listing_files_imports_nothing_heavy(self, folder):
        code = f"""
import sys
from pathlib import Path
sys.path[:0] = {sys.path!r}
from xct4d.config import Input
from {type(self.reader).__module__} import {type(self.reader).__name__} as Format
folder, reader = Path({str(folder)!r}), Format()
options = Input.model_validate({self.options(folder).model_dump(mode="json")!r})
assert reader.can_read(folder, options) and reader.files(folder, options)
print([name for name in ("numpy", "torch", "numba", "PIL", "scipy", "h5py") if name in sys.modules])
"""
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert done.stdout.strip() == "[]", done.stdout + done.stderr

    def test_nothing_else_is_read(self, folder):
        """A file that is read and not listed could change without a new preparation."""
        global _watched
        _watched = []
        try:
            for projection in self.projections(folder):
                projection.load()
        finally:
            opened, _watched = _watched, None
        read = {path for path in opened if path.is_relative_to(folder.resolve()) and path.is_file()}
        listed = {path.resolve() for paths in self.reader.files(folder, self.options(folder)).values() for path in paths}
        assert read
        assert read <= listed

    def test_nothing_is_written(self, folder):
        def record():
            return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}

        before = record()
        self.reader.files(folder, self.options(folder))
        for projection in self.projections(folder):
            projection.load()
        assert record() == before

    # --- the dataset

    def test_counts(self, folder):
        found = {state: len(acquisition.projections) for state, acquisition in self.opened(folder).acquisitions.items()}
        assert found == self.counts

    def test_numbers_of_an_acquisition(self, folder):
        for acquisition in self.opened(folder).acquisitions.values():
            assert acquisition.path.is_file()
            assert 0 < acquisition.flat_field <= 2
            for value in (acquisition.unit_mm, acquisition.duration_s):
                assert value is None or 0 < value < np.inf
            names = [projection.name for projection in acquisition.projections]
            assert len(set(names)) == len(names)

    def test_geometry_of_a_projection(self, folder):
        for projection in self.projections(folder):
            k = len(projection.weight)
            assert projection.camera_to_world.shape == (k, 3, 4)
            rotation = projection.camera_to_world[:, :, :3]
            assert rotation @ rotation.transpose(0, 2, 1) == pytest.approx(np.broadcast_to(np.eye(3), (k, 3, 3)), abs=1e-3)
            assert (np.linalg.det(rotation) > 0).all()
            assert projection.weight.sum() == pytest.approx(1)
            assert (projection.weight > 0).all()
            assert projection.time is None or (projection.time.shape == (k,) and np.isfinite(projection.time).all())
            assert min(projection.focal) > 0
            assert min(projection.size) > 0
            assert all(isinstance(pixels, int) for pixels in projection.size)

    def test_pixels_of_a_projection(self, folder):
        for projection in self.projections(folder):
            image = projection.load()
            assert image.dtype == np.float32
            assert image.shape == projection.size[::-1]
            assert np.isfinite(image).all()
            assert np.median(image) <= 1.2, "transmission has 1 for air, not counts"

    def test_projections_load_in_any_order_and_again(self, folder):
        """Several may share a file: neither depends on what was loaded before."""
        forwards = [projection.load() for projection in self.projections(folder)]
        again = self.projections(folder)
        backwards = [projection.load() for projection in reversed(again)][::-1]
        assert all(np.array_equal(a, b) for a, b in zip(forwards, backwards, strict=True))
        assert np.array_equal(again[0].load(), forwards[0])

    def test_it_can_be_prepared(self, folder, tmp_path):
        if not self.registered:
            pytest.skip("prepare finds readers by the registry")
        for state, count in self.counts.items():
            prepare(folder, self.options(folder), Prepare(target_size=None, check_intensities=False), state, tmp_path / "prepared" / state)
            frames = prepared.load(tmp_path / "prepared" / state)
            assert 0 < len(frames) <= count  # a sequence leaves the ends to their own scans

    # --- what is wrong gives one line

    @pytest.mark.parametrize("damage", ["missing", "empty", "cut", "garbage", "a folder"])
    def test_damage_of_any_file_is_one_line(self, folder, damage):
        """Each listed file in turn. Nothing but InputError may be raised; without a missing file the folder may be another dataset."""
        listed = dict.fromkeys(path for paths in self.reader.files(folder, self.options(folder)).values() for path in paths)
        complaints = 0
        for path in listed:
            content = path.read_bytes()
            _damage(path, content, damage)
            try:
                complaints += set(self.reader.files(folder, self.options(folder))) != set(self.counts)
                for projection in self.projections(folder):
                    assert np.isfinite(projection.load()).all()
            except InputError as error:
                complaints += 1
                assert "\n" not in str(error)
                assert path.name in str(error) or damage == "missing"
            finally:
                _restore(path, content)
        may_be_missing = sum(path.name.endswith(self.optional) for path in listed) if damage == "missing" and self.optional else 0
        assert complaints >= len(listed) - may_be_missing or damage == "garbage"


def _damage(path: Path, content: bytes, kind: str) -> None:
    path.unlink()
    if kind == "a folder":
        path.mkdir()
    elif kind != "missing":
        middle = len(content) // 2
        path.write_bytes({"empty": b"", "cut": content[:middle], "garbage": bytes(256 - byte & 255 for byte in content)}[kind])


def _restore(path: Path, content: bytes) -> None:
    if path.is_dir():
        path.rmdir()
    path.write_bytes(content)
