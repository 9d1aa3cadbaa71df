from pathlib import Path

from xct4d.config import Trust
from xct4d.workflow.job import job

with job(snakemake.log[0], snakemake.threads, snakemake.wildcards.dataset):
    from xct4d.io.job_inputs import canonical_folders, prepared_folders
    from xct4d.stages.trust import trust

    files = snakemake.input

    trust(
        Trust.model_validate(snakemake.params.settings),
        prepared_folders(files),
        canonical_folders(files),
        Path(files.velocity),
        Path(snakemake.output[0]),
        seed=snakemake.params.seed,
    )
