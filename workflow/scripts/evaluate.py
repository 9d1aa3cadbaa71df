from pathlib import Path

from xct4d.config import Evaluate
from xct4d.workflow.checkpoints import remove_checkpoints
from xct4d.workflow.job import job

with job(snakemake.log[0], snakemake.threads, snakemake.wildcards.dataset):
    from xct4d.analysis.scored_region import ScoredRegion
    from xct4d.device import leased
    from xct4d.fields.trained_model import TrainedModel, trainings_of_job
    from xct4d.io.job_inputs import prepared_folders
    from xct4d.phantom.known import truth_of_job
    from xct4d.stages.evaluate import evaluate

    files, params = snakemake.input, snakemake.params
    remove_checkpoints(files)

    settings = Evaluate.model_validate(params.settings)
    region = None if settings.region is None else ScoredRegion(settings.region, Path(params.folder))

    with leased(snakemake.resources.device) as device:
        evaluate(
            model=TrainedModel.of_job(files, params.mixing),
            volumes={tuple(name): Path(file).parent for name, file in zip(params.volumes, files.volumes, strict=True)},
            prepared=prepared_folders(files),
            trust=Path(files.trust) if files.trust else None,
            truth=truth_of_job(params),
            settings=settings,
            output=Path(snakemake.output[0]),
            region=region,
            training=trainings_of_job(files),
            device=device,
        )
