"""The reference format keeps the contract of readers."""

import pytest
import tiny_dataset

from xct4d.readers.reference.reader import ReferenceReader
from xct4d.testing.readers import ReaderTests


class TestReference(ReaderTests):
    reader = ReferenceReader()
    counts = {"forward": 7, "backward": 7, "between": 23}

    @pytest.fixture
    def folder(self, tmp_path):
        return tiny_dataset.make(tmp_path / "dataset")
