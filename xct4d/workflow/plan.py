"""The datasets of a configuration, checked as far as that is possible before anything runs.

Read by the Snakefile on every run, so it imports neither torch nor numba.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from xct4d.config import Config, Input, Sequence, VolumeFile, resolve
from xct4d.directions import SCAN_TIME, STATES
from xct4d.errors import InputError
from xct4d.readers.reference.end_volumes import end_volumes
from xct4d.readers.registry import reader_module, reader_of
from xct4d.workflow.dataset import Dataset
from xct4d.workflow.stages import STAGES
from xct4d.workflow.sweep import Variant, chosen, configured, variants

MOST_DATASETS = 2000  # variants among them; more would be planned for minutes
MOST_TIMES = 10_000  # that are exported; each is a job
LONGEST_NAME = 200  # letters of a folder's name; file systems take 255, and Snakemake adds some
PERIODIC = re.compile(r"(.+?)\1{19}")  # Snakemake takes it for a wildcard that grows with every rule
SIMULATED = "xct4d.readers.reference.reader"  # reads the dataset that a scene becomes


def plan(tree: dict[str, Any], scenes: Path, source: str = "config") -> dict[str, Dataset]:
    """The datasets of a configuration, the variants of sweeps among them, by name.

    tree: the parsed YAML. scenes: folder of the scenes that come with the
    program; `input.scene` is the bare name of one of them, or else the path of
    a YAML file. source: what messages call the configuration, such as its file.
    Relative paths start from the working directory. Raises InputError for a
    wrong key or value, a missing folder, scene or image.
    """
    datasets: dict[str, Dataset] = {}
    asked = {name: (config, variants(name, config, f"{source}: datasets.{name}")) for name, config in resolve(tree, source).items()}
    if (count := sum(len(targets) for _, targets in asked.values())) > MOST_DATASETS:
        fix = f"at most {MOST_DATASETS} are planned at once; leave some out, or sweep over fewer values"
        raise InputError(f"are {count}, variants among them", where=f"{source}: datasets", fix=fix)
    for name, (config, targets) in asked.items():
        where = f"{source}: datasets.{name}"
        for variant in [*targets, *_homes(targets, len(config.velocity.levels))]:
            if variant.name not in datasets:
                datasets[variant.name] = _dataset(variant, variant in targets, configured(variant, config, where), scenes, where)
        if len(targets) > 1:
            datasets[name] = _compared(Variant(name), targets, datasets, config, scenes, where)
    return datasets


def _homes(targets: list[Variant], levels: int) -> list[Variant]:
    """The variants under which outputs are stored that some variants use."""
    jobs: list[tuple[str, int | None, str | None]] = []
    for name, stage in STAGES.items():
        states = STATES if "state" in stage.wildcards else [None]
        jobs += [(name, level, state) for level in (range(levels) if stage.levels else [None]) for state in states]
    return [variant.home(*job) for variant in targets for job in jobs]


def _compared(base: Variant, targets: list[Variant], datasets: dict[str, Dataset], config: Config, scenes: Path, where: str) -> Dataset:
    """The dataset that some variants are variants of, which holds their comparison."""
    own = datasets.get(base.name) or _dataset(base, False, config, scenes, where)
    return replace(own, compared={target.name: chosen(target, config, where) for target in targets})


def _dataset(variant: Variant, target: bool, config: Config, scenes: Path, where: str) -> Dataset:
    if len(config.export.times) > MOST_TIMES:
        fix = f"at most {MOST_TIMES} are planned; leave some out"
        raise InputError(f"has {len(config.export.times)} times", where=f"{where}: export.times", fix=fix)
    config = _with_volumes_found(config)
    if target:
        _check_volume_weight(config, where)
    if config.input.scene is not None:
        dataset = _from_scene(variant, target, config, scenes, where)
    else:
        dataset = _from_folder(variant, target, config, where)
    _check_names(dataset, where)
    if target:
        _check_window(dataset, where)
        _check_mixing(dataset, where)
        if "between" not in dataset.states and config.input.sequence != Sequence():
            raise InputError("there is no sequence of which it could choose", where=f"{where}: input.sequence", fix="remove it")
    return dataset


def _check_names(dataset: Dataset, where: str) -> None:
    """Snakemake takes {name} and <name> in a path for something else; a folder's name has 255 bytes at most."""
    named = [*dataset.scene_files, *dataset.truth_files, *dataset.region_files]
    named += [file for files in (*dataset.state_files.values(), *dataset.volume_files.values()) for file in files]
    for file in named:
        for mark, name, what in (("{}", "a brace", "a wildcard"), ("<>", "an angle bracket", "a variable")):
            if any(each in file for each in mark):
                line = f"{file} has {name} in its name, which Snakemake takes for {what}"
                raise InputError(line, where=f"{where}: input", fix="rename it")
    if PERIODIC.search(dataset.name):
        raise InputError("repeats itself twenty times, which Snakemake refuses", where=where, fix="choose another name")
    if len(dataset.name) > LONGEST_NAME:
        fix = "shorten the dataset's name, or sweep over fewer keys at once"
        raise InputError(f"the name of its folder would have {len(dataset.name)} letters, more than {LONGEST_NAME}", where=where, fix=fix)


def _check_mixing(dataset: Dataset, where: str) -> None:
    """Raise InputError where a trained mixing coefficient has no data: at the scans it is 0 and 1, so only projections in between count."""
    if dataset.trains_mixing and "between" not in dataset.states:
        fix = "choose temporal, or name the sequence as input.between"
        raise InputError(
            f"{dataset.config.mixing.method} has no projection between the ends to learn from", where=f"{where}: mixing.method", fix=fix
        )


def _check_window(dataset: Dataset, where: str) -> None:
    """Raise InputError for a window that a type does not use, and for a series whose whole numbers would mean another value at each time."""
    export = dataset.config.export
    if export.window is not None and not export.dtype.startswith("uint"):
        fix = "remove the window, or set export.dtype to uint8 or uint16"
        raise InputError(f"{export.dtype} stores attenuation as it is", where=f"{where}: export.window", fix=fix)
    films = dataset.joins_times or (len(dataset.times) > 1 and "ome-zarr-0.4" in dataset.formats)
    if films and export.dtype.startswith("uint") and export.window is None:
        others = " and leave ome-zarr-0.4 out of export.formats" if "ome-zarr-0.4" in dataset.formats else ""
        fix = f"give the attenuation at the lowest and the highest whole number, or set export.series: false{others}"
        raise InputError(f"a series of {export.dtype} needs one window for all times", where=f"{where}: export.window", fix=fix)


def _with_volumes_found(config: Config) -> Config:
    """The configuration, with the known volumes that lie beside the transforms files where it gives them a weight and names none."""
    given = config.input
    if not config.canonical.volume_weight or given.folder is None or given.forward_volume or given.backward_volume:
        return config
    folder = Path(given.folder)
    if not folder.is_dir() or reader_module(reader := reader_of(folder, given)) != SIMULATED:
        return config
    ends = [end for end in SCAN_TIME if end in reader.files(folder, given)]
    found = {f"{end}_volume": file for end, file in end_volumes(folder, given, ends).items()}
    return config.model_copy(update={"input": given.model_copy(update=found)})


def _check_volume_weight(config: Config, where: str) -> None:
    """Raise InputError for a known volume without a weight, or a weight without a volume: either would be ignored."""
    given = [end for end in SCAN_TIME if getattr(config.input, f"{end}_volume") is not None]
    if given and not config.canonical.volume_weight:
        raise InputError(
            f"input.{given[0]}_volume counts nothing",
            where=f"{where}: canonical.volume_weight",
            fix="set a weight above 0, or remove the volume",
        )
    if config.canonical.volume_weight and not given:
        fix = (
            "give input.forward_volume or input.backward_volume, put an .npz of each scan beside the transforms files, or remove the weight"
        )
        raise InputError("there is no volume to weigh", where=f"{where}: canonical.volume_weight", fix=fix)


def _from_scene(variant: Variant, target: bool, config: Config, scenes: Path, where: str) -> Dataset:
    if config.input.truth is not None:
        raise InputError("a scene brings its own truth", where=f"{where}: input.truth", fix="remove the key")
    if config.evaluate.region is not None and config.evaluate.region.mask is not None:
        fix = "give half_width or box, or name the dataset's folder as input.folder once it is simulated"
        raise InputError("a scene has no folder for a mask", where=f"{where}: evaluate.region.mask", fix=fix)
    scene = str(config.input.scene)
    path = Path(scene)
    if path.suffix.lower() not in (".yaml", ".yml", ".json"):
        path = scenes / f"{scene}.yaml"
        if not path.is_file():
            known = ", ".join(sorted(p.stem for p in scenes.glob("*.yaml")))
            raise InputError(
                f"there is no scene {scene}", where=f"{where}: input.scene", fix=f"take one of {known}, or the path of a YAML file"
            )
    elif not path.is_file():
        what = "is not a file" if path.exists() else "does not exist"
        raise InputError(f"{path} {what}", where=f"{where}: input.scene", fix="check the path")
    from xct4d.phantom.scenes import load_scene  # imports numpy: only where a dataset is simulated

    placed = load_scene(path)
    if not config.setup.is_empty:
        try:
            placed.scene.with_setup(config.setup)
        except InputError as error:
            raise InputError(str(error), where=where) from None
    named = [path.parent / placed.scene.object] if isinstance(placed.scene.object, str) else []
    files = list(dict.fromkeys(map(str, [path, *named, *(voxels.path for voxels in placed.object.files.values())])))
    return Dataset(variant, target, config, list(STATES), files, {}, {"forward": [], "backward": []}, [], [], reader=SIMULATED)


def _from_folder(variant: Variant, target: bool, config: Config, where: str) -> Dataset:
    if not config.setup.is_empty:
        fix = "remove it; to plan with this sample, make a scene of its reconstruction (docs/planning.md)"
        raise InputError("what is measured has its set-up", where=f"{where}: setup", fix=fix)
    folder = Path(str(config.input.folder))
    reader = reader_of(folder, config.input)
    files = {state: [str(path) for path in paths] for state, paths in reader.files(folder, config.input).items()}
    given = config.input
    volumes = {
        end: _volume_file(given, volume, f"{where}: input.{end}_volume")
        for end, volume in (("forward", given.forward_volume), ("backward", given.backward_volume))
    }
    region = config.evaluate.region
    mask = _volume_file(given, None if region is None else region.mask, f"{where}: evaluate.region.mask")
    truth = _truth_files(given, f"{where}: input.truth")
    return Dataset(variant, target, config, list(files), [], files, volumes, truth, mask, reader_module(reader))


def _truth_files(given: Input, key: str) -> list[str]:
    """Files of what is known of the sample: of the object, or of each measured volume."""
    if given.truth is None:
        return []
    if given.truth.motion is not None:
        from xct4d.phantom import motions  # imports numpy: only where the true motion is known

        motions.parse(given.truth.motion, source=f"{key}.motion")
    measured = [file for i, volume in enumerate(given.truth.volumes) for file in _volume_file(given, volume, f"{key}.volumes[{i}]")]
    return [*_volume_file(given, given.truth.object, f"{key}.object"), *dict.fromkeys(measured)]


def _volume_file(given: Input, volume: VolumeFile | None, key: str) -> list[str]:
    if volume is None:
        return []
    from xct4d.io.volumes import check_volume_file  # imports numpy: only where there is a known volume

    path = check_volume_file(volume, Path(str(given.folder)), key)
    if not volume.is_object and path.suffix.lower() != ".zarr":
        return [str(path)]
    from xct4d.phantom.described_volume import object_in

    try:
        files = object_in(volume, Path(str(given.folder)), key).files.values()
        return list(dict.fromkeys([str(path), *(str(voxels.path) for voxels in files)]))
    except InputError as error:
        raise InputError(str(error), where=f"{key}.path") from None
