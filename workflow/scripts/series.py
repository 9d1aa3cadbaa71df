from pathlib import Path

from xct4d.workflow.job import job

with job(snakemake.log[0], snakemake.threads, snakemake.wildcards.dataset):
    from xct4d.io.scale import load_scale
    from xct4d.stages.series import series

    names = [*snakemake.params.volumes, *snakemake.params.motion]
    series(
        {tuple(name): Path(file).parent for name, file in zip(names, [*snakemake.input.volumes, *snakemake.input.motion], strict=True)},
        Path(snakemake.output[0]),
        load_scale(Path(snakemake.input.prepared)),
    )
