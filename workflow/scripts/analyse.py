from pathlib import Path

from xct4d.config import Analyse
from xct4d.workflow.job import job

with job(snakemake.log[0], snakemake.threads, snakemake.wildcards.dataset):
    from xct4d.device import leased
    from xct4d.fields.trained_model import TrainedModel
    from xct4d.io.scale import load_scale
    from xct4d.stages.analyse import analyse

    with leased(snakemake.resources.device) as device:
        analyse(
            model=TrainedModel.of_job(snakemake.input, snakemake.params.mixing),
            trust=Path(snakemake.input.trust) if snakemake.input.trust else None,
            settings=Analyse.model_validate(snakemake.params.settings),
            t=snakemake.params.time,
            scale=load_scale(Path(snakemake.input.prepared)),
            outputs={name: Path(file).parent for name, file in zip(snakemake.params.quantities, snakemake.output, strict=True)},
            device=device,
        )
