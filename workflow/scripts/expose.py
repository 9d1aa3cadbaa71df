from pathlib import Path

from xct4d.config import Setup
from xct4d.workflow.job import job

with job(snakemake.log[0], snakemake.threads, snakemake.wildcards.dataset):
    from xct4d.stages.expose import expose

    expose(
        scene=Path(snakemake.params.scene),
        setup=Setup.model_validate(snakemake.params.setup),
        simulated=Path(snakemake.input.simulated),
        output=Path(snakemake.output[0]),
    )
