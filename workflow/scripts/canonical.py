from pathlib import Path

from xct4d.config import Canonical, VolumeFile
from xct4d.workflow.job import job

with job(snakemake.log[0], snakemake.threads, snakemake.wildcards.dataset):
    from xct4d.checks.axes import check_axes
    from xct4d.device import leased
    from xct4d.io import prepared
    from xct4d.io.volumes import load_volume
    from xct4d.progress import say
    from xct4d.stages.canonical import canonical

    settings = Canonical.model_validate(snakemake.params.settings | {"checkpoint_every": snakemake.resources.checkpoint_every})
    direction, volume, on_faces = snakemake.wildcards.direction, None, False
    if snakemake.params.volume is not None:
        file = VolumeFile.model_validate(snakemake.params.volume)
        say(f"canonical {direction}: compared with the known volume {file.path}, its outermost voxels at {file.grid}")
        on_faces = file.grid == "faces"
        volume = load_volume(file, Path(snakemake.params.folder), f"input.{direction}_volume")
        check_axes(volume, prepared.load(Path(snakemake.input.prepared)), f"input.{direction}_volume: {file.path}")
    with leased(snakemake.resources.device) as device:
        canonical(
            settings,
            Path(snakemake.input.prepared),
            Path(snakemake.output[0]),
            Path(snakemake.params.checkpoint),
            Path(snakemake.params.board),
            title=f"canonical {direction}",
            volume=volume,
            on_faces=on_faces,
            seed=snakemake.params.seed,
            device=device,
        )
