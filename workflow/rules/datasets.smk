# The datasets of the configuration, and the functions by which rules ask about them.
import re
import sys
from importlib.util import find_spec
from os.path import relpath
from pathlib import Path
from typing import get_args

# Snakemake hands this path on to every script, so `import xct4d` finds this checkout locally, in
# conda environments, in SLURM jobs, from any directory and from a workflow that imports this one. A
# workflow that Snakemake fetches file by file has no package beside it: then the installed one counts.
CHECKOUT = Path(workflow.current_basedir.get_path_or_uri(secret_free=True)).absolute().parents[1]
if (CHECKOUT / "xct4d" / "__init__.py").is_file():
    sys.path.insert(0, str(CHECKOUT))
try:
    import xct4d
except ModuleNotFoundError:
    print("there is no package xct4d beside this workflow; install it in Snakemake's environment", file=sys.stderr)
    sys.exit(1)  # not an Exception: Snakemake adds no traceback

from xct4d.config import CHANGES_NO_RESULT
from xct4d.config.export import Format
from xct4d.directions import RECONSTRUCTIONS, SCAN_TIME, STATES
from xct4d.errors import InputError
from xct4d.io.mapping_files import read_mapping
from xct4d.workflow.command_line import with_numbers
from xct4d.workflow.dataset import PARTS
from xct4d.workflow.digest import code_digest
from xct4d.workflow.failures import promise_to_tell
from xct4d.workflow.parameters import without_markup
from xct4d.workflow.plan import plan
from xct4d.workflow.scenes import shipped_scenes
from xct4d.workflow.stages import STAGES, before, job_of

LIBRARY = Path(xct4d.__file__).parents[1]


def from_here(file):
    """A path as its user writes it: from the working directory, if it lies below."""
    path, here = Path(file).absolute(), Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


try:
    files = [from_here(file) for file in workflow.configfiles]
    for file in files:
        read_mapping(file)  # Snakemake's own reading silently takes the second of two equal keys
    config.update(with_numbers(config, workflow.config_settings.config))
    DATASETS = plan(config, scenes=Path(relpath(shipped_scenes())), source=", ".join(files) or "config")
except InputError as error:
    print(error, file=sys.stderr)
    sys.exit(1)


wildcard_constraints:
    dataset="|".join(map(re.escape, DATASETS)),
    state="|".join(STATES),
    direction="|".join(SCAN_TIME),
    kind="|".join(RECONSTRUCTIONS),
    part="|".join(PARTS),
    format="|".join(map(re.escape, get_args(Format))),
    resolution=r"\d+",
    time=r"\d\.\d{4}\d*",


def dataset_of(wildcards):
    return DATASETS[wildcards.dataset]


# Inputs: files of the user. A workflow that imports this one with a prefix moves results/, not these.


def users(files):
    return [local(file) for file in files]


def scene(wildcards):
    """The scene's description and the files that it names."""
    return users(dataset_of(wildcards).scene_files)


def sources(wildcards):
    """Files that the preparation of a state reads; a scene's are known only once it is simulated."""
    dataset = dataset_of(wildcards)
    exposed = dataset.outputs("expose") if wildcards.state == "between" else []
    return exposed or dataset.outputs("simulate") or users(dataset.state_files[wildcards.state])


def described_volume(wildcards):
    """Files of the description of an object that is the known volume of an end."""
    return users(dataset_of(wildcards).volume_files[wildcards.direction])


def known_volume_files(wildcards):
    """Files of the known volume of an end as its canonical field is trained with it: voxels; none where there is no such volume."""
    return rasterised(wildcards) or described_volume(wildcards)


def rasterised(wildcards):
    """The voxels that `rasterise` makes of the known volume of an end, where that is the description of an object."""
    return dataset_of(wildcards).outputs("rasterise", direction=wildcards.direction)


def true_object(wildcards):
    """Files of the truth, where it is known: a scene brings its own."""
    dataset = dataset_of(wildcards)
    return dataset.outputs("simulate") or users(dataset.truth_files)


def region_mask(wildcards):
    """Files of the mask of the region that is scored, where there is one."""
    return users(dataset_of(wildcards).region_files)


# Inputs: outputs of other stages.


def made_by(stage, **chosen):
    """Input function: what a stage makes for the dataset. chosen: values of wildcards, such as
    state="forward"; of the others every value. Empty where the dataset has no such stage or value."""

    def paths(wildcards):
        found = dataset_of(wildcards).outputs(stage, **chosen)
        return found[0] if found and set(STAGES[stage].wildcards) == set(chosen) else found

    return paths


def of_variants(stage, **chosen):
    """Input function: what a stage makes for each variant of a dataset."""
    return lambda wildcards: [path for name in dataset_of(wildcards).compared for path in DATASETS[name].outputs(stage, **chosen)]


def prepared(state):
    return made_by("prepare", state=state)


def sequence(wildcards):
    """The projections of the sequence, with the cameras that `calibrate` found; as prepared where it is not asked to; none where nothing is between."""
    return made_by("calibrate")(wildcards) or prepared("between")(wildcards)


def canonical(direction):
    return made_by("canonical", direction=direction)


def last_level(wildcards):
    """The last velocity level; none where nothing moves."""
    levels = dataset_of(wildcards).outputs("velocity")
    return levels[-1] if levels else []


def finest(wildcards):
    """The motion that later stages take: that of the refinement where there is one, else the last velocity level."""
    return made_by("refine", part="motion")(wildcards) or last_level(wildcards)


def motions(wildcards):
    """All velocity levels from coarse to fine, and the refined motion where there is one."""
    return dataset_of(wildcards).outputs("velocity") + dataset_of(wildcards).outputs("refine", part="motion")


def scan(direction):
    """Input function: the scan that later stages take, refined where there is a refinement, else as the canonical stage has it."""
    return lambda wildcards: made_by("refine", part=direction)(wildcards) or canonical(direction)(wildcards)


def coarser(wildcards):
    """The level that this one starts from; none for the first."""
    dataset = dataset_of(wildcards)
    index = dataset.resolutions.index(wildcards.resolution)
    return dataset.outputs("velocity")[index - 1] if index else []


# Params: the configuration.


def settings(section, include=None, exclude=()):
    """Params function: one section of the dataset's configuration as plain values, without what changes no result."""
    without = {*exclude, *CHANGES_NO_RESULT.get(section, ())}
    return lambda wildcards: getattr(dataset_of(wildcards).config, section).model_dump(mode="json", include=include, exclude=without)


def level(wildcards):
    """The section `velocity` with this level alone: the others come in as files, or not at all."""
    section = settings("velocity")(wildcards)
    return section | {"levels": [own for own in section["levels"] if str(own["resolution"]) == wildcards.resolution]}


def seed(wildcards):
    return dataset_of(wildcards).config.seed


def given_volume(wildcards):
    """The known volume of an end as the configuration has it, where there is one."""
    volume = dataset_of(wildcards).volume(wildcards.direction)
    return None if volume is None else volume.model_dump(mode="json")


def known_volume(wildcards, input):
    """How the voxels of the known volume of an end are read, where there is one."""
    return {"path": Path(input.volume[0]).name} if rasterised(wildcards) else given_volume(wildcards)


def known_volume_folder(wildcards, input):
    """Folder from which the path of that volume starts."""
    return str(Path(input.volume[0]).parent) if rasterised(wildcards) else dataset_of(wildcards).folder


def exported(wildcards):
    """(kind, time) of every exported volume, in the order of the input."""
    dataset = dataset_of(wildcards)
    return [(kind, time) for kind in dataset.kinds for time in dataset.times.values()]


def analysed(wildcards):
    """(quantity, time) of every volume of analyse, in the order of the input."""
    dataset = dataset_of(wildcards)
    return [(quantity, time) for quantity in dataset.quantities for time in dataset.times.values()]


# Params: the code, and files that are no outputs.


def script_digest(name):
    """Digest of a script and of the library modules behind it: reruns what a change of code invalidates."""
    return code_digest(Path(workflow.source_path(f"../scripts/{name}")), LIBRARY)


def reader_digest(wildcards):
    """Digest of the reader of a dataset, which `prepare` imports by its name: the readers of other formats do not count."""
    return code_digest(Path(find_spec(dataset_of(wildcards).reader).origin), LIBRARY)


def checkpoint(stage):
    """Params function: where a training job stores its checkpoint. Not an output, as Snakemake deletes
    those of a killed job; and not one that other code resumes."""
    digest = script_digest(f"{stage}.py")

    def path(wildcards, output):
        root, job = job_of(output[0])
        return f"{root}/checkpoints/{job}.{digest}.checkpoint"

    return path


def tensorboard(wildcards, output):
    """Where a training job writes for TensorBoard."""
    root, job = job_of(output[0])
    return f"{root}/tensorboard/{job}"
