"""Order of the tests: the longest files first, so that no process is left alone with one of them at the end."""

from pathlib import Path

LONGEST = ("test_slurm", "test_pipeline", "test_conda", "test_reruns")


def pytest_collection_modifyitems(items):
    rank = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(Path(item.path).stem, len(rank)))
