# The datasets of the configuration, and the functions by which rules ask about them.
import os
import re
import sys
from importlib.util import find_spec
from pathlib import Path

REPOSITORY = Path(workflow.basedir).parent
# Snakemake hands this path on to every script, so `import xct4d` finds this
# checkout locally, in conda environments, in SLURM jobs and from any directory.
sys.path.insert(0, str(REPOSITORY))

from xct4d.errors import InputError
from xct4d.io.mapping_files import read_mapping
from xct4d.workflow.digest import code_digest
from xct4d.workflow.plan import plan


def written(file):
    """A path as its user writes it: from the working directory, if it lies below."""
    path, here = Path(file).absolute(), Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


try:
    files = [written(file) for file in workflow.configfiles]
    for file in files:
        read_mapping(file)  # Snakemake's own reading keeps the second of two equal keys silently
    DATASETS = plan(config, scenes=Path(os.path.relpath(REPOSITORY / "config" / "scenes")), source=", ".join(files))
except InputError as error:
    print(error, file=sys.stderr)
    sys.exit(1)  # not an Exception: Snakemake adds no traceback


wildcard_constraints:
    dataset="|".join(map(re.escape, DATASETS)),
    state="forward|backward|between",
    direction="forward|backward",
    kind="mixed|forward|backward",
    resolution=r"\d+",
    time=r"\d\.\d{4}",


def script_digest(name):
    """Digest of a script and of the library modules behind it: reruns what a change of code invalidates."""
    return code_digest(REPOSITORY / "workflow" / "scripts" / name, REPOSITORY)


def checkpoint_file(job, script):
    """Where a training job saves its progress: not an output, as Snakemake deletes
    those of a killed job; and not one that other code resumes."""
    return f"results/{{dataset}}/checkpoints/{job}.{script_digest(script)}.safetensors"


def settings(section, **kwargs):
    """Params function: one section of the dataset's configuration, as plain values."""
    return lambda wildcards: getattr(DATASETS[wildcards.dataset].config, section).model_dump(mode="json", **kwargs)


# Of a training stage: how often it saves changes nothing in what it makes.
SAVING = "checkpoint_every"


def checkpoint_every(section):
    """Resource function: a resource, unlike a parameter, is no reason to run a job again."""
    return lambda wildcards: getattr(DATASETS[wildcards.dataset].config, section).checkpoint_every


def seed(wildcards):
    return DATASETS[wildcards.dataset].config.seed


def prepared(state):
    """Input function: the prepared projections of a state, where the dataset has it."""
    return lambda wildcards: output_of("prepare", f"prepared/{state}", wildcards, state in DATASETS[wildcards.dataset].states)


def canonical(end):
    """Input function: the static field of an end, where the dataset has it."""
    return lambda wildcards: output_of("canonical", f"canonical/{end}", wildcards, end in DATASETS[wildcards.dataset].ends)


def finest(wildcards):
    """The last velocity level; none where nothing moves."""
    found = levels(wildcards)
    return found[-1] if found else []


def trained_mixing(wildcards):
    """The trained mixing coefficient, where the configuration asks for one."""
    return output_of("mixing", "mixing", wildcards, DATASETS[wildcards.dataset].trains_mixing)


def output_of(stage, folder, wildcards, exists):
    return f"results/{DATASETS[wildcards.dataset].home(stage)}/{folder}" if exists else []


def sources(wildcards):
    """Files that the preparation of a state reads; a scene's are known only once it is simulated."""
    dataset = DATASETS[wildcards.dataset]
    return [dataset.folder] if dataset.simulated else dataset.state_files[wildcards.state]


def given_volume(wildcards):
    """The end's known volume as the configuration has it, where there is one."""
    volume = DATASETS[wildcards.dataset].volume(wildcards.direction)
    return None if volume is None else volume.model_dump(mode="json")


def is_rasterised(wildcards):
    """Whether the end's known volume is the description of an object, of which `rasterise` makes voxels."""
    volume = DATASETS[wildcards.dataset].volume(wildcards.direction)
    return volume is not None and volume.is_object


def volume_files(wildcards):
    """Files of the end's known volume as canonical training reads it; none where there is no such volume."""
    if is_rasterised(wildcards):
        return f"results/{wildcards.dataset}/rasterised/{wildcards.direction}.npy"
    return DATASETS[wildcards.dataset].volume_files[wildcards.direction]


def volume_folder(wildcards):
    """Folder from which the path of that volume starts."""
    return f"results/{wildcards.dataset}/rasterised" if is_rasterised(wildcards) else DATASETS[wildcards.dataset].folder


def known_volume(wildcards):
    """How to read that volume, where there is one."""
    return {"path": f"{wildcards.direction}.npy"} if is_rasterised(wildcards) else given_volume(wildcards)


def reader_digest(wildcards):
    """Digest of the reader of a dataset, which `prepare` imports by its name: other formats' readers do not count."""
    return code_digest(Path(find_spec(DATASETS[wildcards.dataset].reader).origin), REPOSITORY)


def level(wildcards):
    """The section with this level alone: the others come in as files, or not at all."""
    section = DATASETS[wildcards.dataset].config.velocity.model_dump(mode="json", exclude={SAVING})
    return section | {"levels": [own for own in section["levels"] if str(own["resolution"]) == wildcards.resolution]}


def coarser(wildcards):
    """The level that this one starts from; none for the first."""
    resolutions = [str(level.resolution) for level in DATASETS[wildcards.dataset].config.velocity.levels]
    index = resolutions.index(wildcards.resolution)
    return levels(wildcards)[index - 1] if index else []


def volumes(dataset):
    """All exported volumes of a dataset."""
    return [
        f"results/{DATASETS[dataset].home('export')}/volumes/{kind}/t{time}.zarr"
        for kind in DATASETS[dataset].kinds
        for time in DATASETS[dataset].times
    ]


def film(dataset):
    """The volumes of all times in one, where there are several."""
    return [f"results/{DATASETS[dataset].home('export')}/series"] if DATASETS[dataset].joins_times else []


def evaluation(dataset):
    return f"results/{DATASETS[dataset].home('evaluate')}/evaluation"


def scored(wildcards):
    """(kind, time) of every volume that is scored, in the order of the input."""
    dataset = DATASETS[wildcards.dataset]
    return [(kind, time) for kind in dataset.kinds for time in dataset.times.values()]


def levels(wildcards):
    """Every velocity level, coarse to fine; none where nothing moves."""
    dataset = DATASETS[wildcards.dataset]
    found = [] if dataset.static else dataset.config.velocity.levels
    return [f"results/{dataset.home('velocity', index)}/velocity/{level.resolution}" for index, level in enumerate(found)]


def true_object(wildcards):
    """Files of the truth, where it is known: a scene brings its own."""
    dataset = DATASETS[wildcards.dataset]
    return dataset.folder if dataset.simulated else dataset.truth_files
