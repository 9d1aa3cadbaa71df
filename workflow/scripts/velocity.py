from pathlib import Path

from xct4d.config import Velocity
from xct4d.workflow.job import job

with job(snakemake.log[0], snakemake.threads, snakemake.wildcards.dataset):
    from xct4d.device import leased
    from xct4d.stages.velocity import velocity

    settings = Velocity.model_validate(snakemake.params.settings | {"checkpoint_every": snakemake.resources.checkpoint_every})
    states = ("forward", "backward", "between")
    with leased(snakemake.resources.device) as device:
        velocity(
            settings,
            settings.levels[0],
            {state: Path(snakemake.input[state]) for state in states if snakemake.input[state]},
            {end: Path(snakemake.input[f"canonical_{end}"]) for end in ("forward", "backward")},
            Path(snakemake.input.registration),
            Path(snakemake.input.coarser) if snakemake.input.coarser else None,
            Path(snakemake.output[0]),
            Path(snakemake.params.checkpoint),
            Path(snakemake.params.board),
            seed=snakemake.params.seed,
            device=device,
        )
