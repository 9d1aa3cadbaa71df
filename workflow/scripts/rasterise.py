from pathlib import Path

from xct4d.config import VolumeFile
from xct4d.workflow.job import job

with job(snakemake.log[0], snakemake.threads, snakemake.wildcards.dataset):
    from xct4d.stages.rasterise import rasterise

    rasterise(
        VolumeFile.model_validate(snakemake.params.volume),
        folder=Path(snakemake.params.folder),
        resolution=snakemake.params.resolution,
        where=f"input.{snakemake.wildcards.direction}_volume",
        output=Path(snakemake.output[0]),
    )
