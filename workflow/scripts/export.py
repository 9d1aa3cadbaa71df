from pathlib import Path

from xct4d.config import Export, Mixing
from xct4d.workflow.job import job

with job(snakemake.log[0], snakemake.threads, snakemake.wildcards.dataset):
    from xct4d.device import leased
    from xct4d.io import prepared
    from xct4d.stages.export import export

    with leased(snakemake.resources.device) as device:
        export(
            canonical_forward=Path(snakemake.input.canonical_forward),
            canonical_backward=Path(snakemake.input.canonical_backward) if snakemake.input.canonical_backward else None,
            velocity=Path(snakemake.input.velocity) if snakemake.input.velocity else None,
            mixing=Mixing.model_validate(snakemake.params.mixing),
            mixer_folder=Path(snakemake.input.mixing) if snakemake.input.mixing else None,
            settings=Export.model_validate(snakemake.params.settings),
            t=snakemake.params.time,
            unit_mm=prepared.load(Path(snakemake.input.prepared)).unit_mm,
            outputs=dict(zip(snakemake.params.kinds, map(Path, snakemake.output), strict=True)),
            device=device,
        )
