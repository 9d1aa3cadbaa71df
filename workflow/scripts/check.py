from pathlib import Path

from xct4d.config import Geometry
from xct4d.workflow.job import job

with job(snakemake.log[0], snakemake.threads, snakemake.wildcards.dataset):
    from xct4d.io.job_inputs import prepared_folders
    from xct4d.stages.check import check

    given = {state: Geometry.model_validate(section) for state, section in snakemake.params.geometry.items()}
    check(prepared_folders(snakemake.input), given, Path(snakemake.output[0]))
