from pathlib import Path

from snakemake.script import snakemake

from xct4d.job import job

with job(snakemake.log[0], snakemake.threads):
    from xct4d.stages.simulate import simulate

    simulate(Path(snakemake.params.scene), Path(snakemake.output[0]))
