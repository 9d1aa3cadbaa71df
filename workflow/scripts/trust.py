from pathlib import Path

from xct4d.config import Trust
from xct4d.workflow.job import job

with job(snakemake.log[0], snakemake.threads, snakemake.wildcards.dataset):
    from xct4d.stages.trust import trust

    files = snakemake.input

    trust(
        Trust.model_validate(snakemake.params.settings),
        {state: Path(files[state]) for state in ("forward", "backward", "between") if files[state]},
        {end: Path(files[f"canonical_{end}"]) for end in ("forward", "backward")},
        Path(files.velocity),
        Path(snakemake.output[0]),
        seed=snakemake.params.seed,
    )
