import json
from pathlib import Path

from xct4d.config import Truth
from xct4d.workflow.job import job

with job(snakemake.log[0], snakemake.threads, snakemake.wildcards.dataset):
    from xct4d.fields.trained_model import TrainedModel, trainings_of_job
    from xct4d.io.digests import check_folder
    from xct4d.io.job_inputs import prepared_folders
    from xct4d.phantom.truth import Phantom
    from xct4d.stages.report import report

    files, params = snakemake.input, snakemake.params

    truth = None
    if params.simulated:
        check_folder(Path(params.folder))
        truth = Phantom.load(Path(params.folder) / "scene.yaml")
    elif params.truth is not None:
        truth = Phantom.from_truth(Truth.model_validate(params.truth), Path(params.folder))

    report(
        dataset=snakemake.wildcards.dataset,
        model=TrainedModel.of_job(files, params.mixing),
        volumes={tuple(name): Path(path) for name, path in zip(params.volumes, files.volumes, strict=True)},
        prepared=prepared_folders(files),
        derived={tuple(name): Path(path) for name, path in zip(params.derived, files.motion, strict=True)},
        truth=truth,
        evaluation=Path(files.evaluation),
        trust=Path(files.trust) if files.trust else None,
        training=trainings_of_job(files),
        jobs={name: Path(path) for name, path in params.jobs.items()},
        configuration=json.loads(params.configuration),
        captions=params.captions,
        output=Path(snakemake.output[0]),
    )
