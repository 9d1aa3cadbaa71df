"""When the workflow has moved on, checkpoints go."""

from xct4d.workflow.checkpoints import remove_checkpoints


def test_checkpoints_of_finished_trainings_go_and_no_other(tmp_path):
    """Inputs of `evaluate`: fields, volumes, and the user's own files."""
    root = tmp_path / "results" / "d"
    (root / "checkpoints").mkdir(parents=True)
    gone = [
        "canonical_forward.1a2b.checkpoint",
        "canonical_forward.0ld.checkpoint",
        "velocity_9.1a2b.checkpoint",
        ".velocity_9.1a2b.checkpoint.xct4d-7.checkpoint",
    ]
    stays = ["canonical_backward.1a2b.checkpoint", "velocity_27.1a2b.checkpoint"]
    for name in gone + stays:
        (root / "checkpoints" / name).touch()
    files = [f"{root}/canonical/forward", f"{root}/velocity/9", f"{root}/volumes/mixed/t0.5000.zarr", "data/truth.yaml"]
    remove_checkpoints(files)
    assert sorted(path.name for path in (root / "checkpoints").iterdir()) == sorted(stays)
    remove_checkpoints(files)
