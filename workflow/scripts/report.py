import json
from pathlib import Path

from xct4d.workflow.job import job

with job(snakemake.log[0], snakemake.threads, snakemake.wildcards.dataset):
    from xct4d.fields.trained_model import TrainedModel, trainings_of_job
    from xct4d.io.job_inputs import prepared_folders
    from xct4d.phantom.known import truth_of_job
    from xct4d.stages.report import report

    files, params = snakemake.input, snakemake.params

    report(
        dataset=snakemake.wildcards.dataset,
        model=TrainedModel.of_job(files, params.mixing),
        volumes={tuple(name): Path(file).parent for name, file in zip(params.volumes, files.volumes, strict=True)},
        prepared=prepared_folders(files),
        derived={tuple(name): Path(file).parent for name, file in zip(params.derived, files.motion, strict=True)},
        truth=truth_of_job(params),
        evaluation=Path(files.evaluation),
        trust=Path(files.trust) if files.trust else None,
        calibration=Path(files.calibration) if files.calibration else None,
        training=trainings_of_job(files),
        jobs={name: Path(path) for name, path in params.jobs.items()},
        configuration=json.loads(params.configuration),
        captions=params.captions,
        output=Path(snakemake.output[0]),
    )
