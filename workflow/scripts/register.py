from pathlib import Path

from xct4d.config import Registration
from xct4d.workflow.job import job

with job(snakemake.log[0], snakemake.threads, snakemake.wildcards.dataset):
    from xct4d.io.job_inputs import canonical_folders
    from xct4d.stages.register import register

    register(
        Registration.model_validate(snakemake.params.settings),
        Path(snakemake.input.between) if snakemake.input.between else None,
        canonical_folders(snakemake.input),
        Path(snakemake.output[0]),
    )
