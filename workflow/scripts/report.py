from pathlib import Path

from xct4d.config import Mixing
from xct4d.workflow.job import job

with job(snakemake.log[0], snakemake.threads, snakemake.wildcards.dataset):
    from xct4d.stages.report import report

    files, params = snakemake.input, snakemake.params
    levels = [files.velocity] if isinstance(files.velocity, str) else list(files.velocity)

    report(
        dataset=snakemake.wildcards.dataset,
        canonical_forward=Path(files.canonical_forward),
        canonical_backward=Path(files.canonical_backward) if files.canonical_backward else None,
        velocity=Path(levels[-1]) if levels else None,
        mixing=Mixing.model_validate(params.mixing),
        mixer_folder=Path(files.mixing) if files.mixing else None,
        volumes={tuple(name): Path(path) for name, path in zip(params.volumes, files.volumes, strict=True)},
        prepared={state: Path(files[state]) for state in ("forward", "backward", "between") if files[state]},
        evaluation=Path(files.evaluation),
        jobs={name: Path(path) for name, path in params.jobs.items()},
        configuration=params.configuration,
        captions=params.captions,
        output=Path(snakemake.output[0]),
    )
