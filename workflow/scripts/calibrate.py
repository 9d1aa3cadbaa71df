from pathlib import Path

from xct4d.workflow.job import job

with job(snakemake.log[0], snakemake.threads, snakemake.wildcards.dataset):
    from xct4d.io.job_inputs import canonical_folders
    from xct4d.stages.calibrate import calibrate

    calibrate(Path(snakemake.input.between), canonical_folders(snakemake.input), Path(snakemake.output[0]))
