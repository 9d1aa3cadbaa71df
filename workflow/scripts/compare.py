import json
from pathlib import Path

from xct4d.workflow.job import job

with job(snakemake.log[0], snakemake.threads, snakemake.wildcards.dataset):
    from xct4d.stages.compare import compare

    files, variants = snakemake.input, json.loads(snakemake.params.variants)

    compare(
        evaluations={name: Path(path) for name, path in zip(variants, files.evaluations, strict=True)},
        values=variants,
        sequences={name: Path(path) for name, path in zip(variants, files.sequences, strict=False)},  # none where nothing moves
        logs={name: [Path(path) for path in paths] for name, paths in snakemake.params.logs.items()},
        output=Path(snakemake.output[0]),
    )
