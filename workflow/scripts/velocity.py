from pathlib import Path

from xct4d.config import Velocity
from xct4d.workflow.job import job

with job(snakemake.log[0], snakemake.threads, snakemake.wildcards.dataset):
    from xct4d.device import leased
    from xct4d.io.job_inputs import canonical_folders, prepared_folders
    from xct4d.stages.velocity import velocity

    settings = Velocity.model_validate(snakemake.params.settings | {"checkpoint_every": snakemake.resources.checkpoint_every})
    with leased(snakemake.resources.device) as device:
        velocity(
            settings,
            settings.levels[0],
            prepared_folders(snakemake.input),
            canonical_folders(snakemake.input),
            Path(snakemake.input.coarser) if snakemake.input.coarser else None,
            Path(snakemake.output[0]),
            Path(snakemake.params.checkpoint),
            Path(snakemake.params.board),
            registration=Path(snakemake.input.registration) if snakemake.input.registration else None,
            seed=snakemake.params.seed,
            device=device,
        )
