from pathlib import Path

from xct4d.config import Input, Prepare
from xct4d.workflow.job import job

with job(snakemake.log[0], snakemake.threads, snakemake.wildcards.dataset):
    from xct4d.io.digests import check_folder
    from xct4d.stages.prepare import prepare

    folder = Path(snakemake.params.folder)
    if str(folder) in snakemake.input:  # made by `simulate`, no folder of the user
        check_folder(folder)
    prepare(
        folder=folder,
        input=Input.model_validate(snakemake.params.input),
        settings=Prepare.model_validate(snakemake.params.settings),
        state=snakemake.wildcards.state,
        output=Path(snakemake.output[0]),
    )
