from pathlib import Path

from xct4d.config import Evaluate, Truth
from xct4d.workflow.checkpoints import remove_checkpoints
from xct4d.workflow.job import job

with job(snakemake.log[0], snakemake.threads, snakemake.wildcards.dataset):
    from xct4d.device import leased
    from xct4d.fields.trained_model import TrainedModel, trainings_of_job
    from xct4d.io.digests import check_folder
    from xct4d.io.job_inputs import prepared_folders
    from xct4d.phantom.truth import Phantom
    from xct4d.stages.evaluate import evaluate

    files, params = snakemake.input, snakemake.params
    remove_checkpoints(files)

    truth = None
    if params.simulated:
        check_folder(Path(params.folder))
        truth = Phantom.load(Path(params.folder) / "scene.yaml")
    elif params.truth is not None:
        truth = Phantom.from_truth(Truth.model_validate(params.truth), Path(params.folder))

    with leased(snakemake.resources.device) as device:
        evaluate(
            model=TrainedModel.of_job(files, params.mixing),
            volumes={tuple(name): Path(path) for name, path in zip(params.volumes, files.volumes, strict=True)},
            prepared=prepared_folders(files),
            trust=Path(files.trust) if files.trust else None,
            truth=truth,
            settings=Evaluate.model_validate(params.settings),
            output=Path(snakemake.output[0]),
            training=trainings_of_job(files),
            device=device,
        )
