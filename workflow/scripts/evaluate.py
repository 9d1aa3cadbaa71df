from pathlib import Path

from xct4d.config import Evaluate, Mixing, Truth
from xct4d.workflow.job import job

with job(snakemake.log[0], snakemake.threads, snakemake.wildcards.dataset):
    from xct4d.device import leased
    from xct4d.phantom.truth import Phantom
    from xct4d.stages.evaluate import evaluate

    files, params = snakemake.input, snakemake.params

    truth = None
    if params.simulated:
        truth = Phantom.load(Path(params.folder) / "scene.yaml")
    elif params.truth is not None:
        truth = Phantom.from_truth(Truth.model_validate(params.truth), Path(params.folder))

    ends = {end: Path(files[f"canonical_{end}"]) for end in ("forward", "backward") if files[f"canonical_{end}"]}
    levels = [Path(folder) for folder in files.velocity]
    mixer = Path(files.mixing) if files.mixing else None
    training = {f"canonical {end}": folder for end, folder in ends.items()}
    training |= {f"velocity {folder.name}": folder for folder in levels}
    training |= {"mixing": mixer} if mixer else {}

    with leased(snakemake.resources.device) as device:
        evaluate(
            volumes={tuple(name): Path(path) for name, path in zip(params.volumes, files.volumes, strict=True)},
            canonical_forward=ends["forward"],
            canonical_backward=ends.get("backward"),
            velocity=levels[-1] if levels else None,
            mixing=Mixing.model_validate(params.mixing),
            mixer_folder=mixer,
            prepared={state: Path(files[state]) for state in ("forward", "backward", "between") if files[state]},
            truth=truth,
            settings=Evaluate.model_validate(params.settings),
            output=Path(snakemake.output[0]),
            training=training,
            device=device,
        )
