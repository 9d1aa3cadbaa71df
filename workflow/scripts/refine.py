from pathlib import Path

from xct4d.config import Refinement
from xct4d.workflow.job import job

with job(snakemake.log[0], snakemake.threads, snakemake.wildcards.dataset):
    from xct4d.device import leased
    from xct4d.io.job_inputs import canonical_folders, prepared_folders
    from xct4d.stages.refine import refine

    with leased(snakemake.resources.device) as device:
        refine(
            Refinement.model_validate(snakemake.params.settings | {"checkpoint_every": snakemake.resources.checkpoint_every}),
            prepared_folders(snakemake.input),
            canonical_folders(snakemake.input),
            Path(snakemake.input.velocity),
            {part: Path(snakemake.output[part]) for part in ("forward", "backward", "motion")},
            Path(snakemake.params.checkpoint),
            Path(snakemake.params.board),
            seed=snakemake.params.seed,
            device=device,
        )
