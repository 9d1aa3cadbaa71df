from pathlib import Path

from xct4d.config import Registration
from xct4d.workflow.job import job

with job(snakemake.log[0], snakemake.threads, snakemake.wildcards.dataset):
    from xct4d.io.job_inputs import canonical_folders, prepared_folders
    from xct4d.stages.register import register

    register(
        Registration.model_validate(snakemake.params.settings),
        prepared_folders(snakemake.input),
        canonical_folders(snakemake.input),
        Path(snakemake.output[0]),
    )
