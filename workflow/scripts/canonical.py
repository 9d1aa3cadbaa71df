from pathlib import Path

from xct4d.config import Canonical, VolumeFile
from xct4d.job import job

with job(snakemake.log[0], snakemake.threads):
    from xct4d.io.volumes import load_volume
    from xct4d.stages.canonical import canonical

    volume = snakemake.params.volume
    canonical(
        Canonical.model_validate(snakemake.params.settings),
        Path(snakemake.input.prepared),
        Path(snakemake.output[0]),
        Path(snakemake.params.checkpoint),
        title=f"canonical {snakemake.wildcards.direction}",
        volume=None if volume is None else load_volume(Path(snakemake.params.folder), VolumeFile.model_validate(volume)),
        seed=snakemake.params.seed,
    )
