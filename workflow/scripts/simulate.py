from pathlib import Path

from xct4d.workflow.job import job

with job(snakemake.log[0], snakemake.threads, snakemake.wildcards.dataset):
    from xct4d.stages.simulate import simulate

    simulate(Path(snakemake.params.scene), Path(snakemake.output[0]))
