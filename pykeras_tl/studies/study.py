"""A study: its images, its trials, and the published numbers."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import InitVar, dataclass
from fnmatch import fnmatchcase
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .trial import Trial

if TYPE_CHECKING:
    import pandas as pd

_MODULES = (
    "blood_cells",
    "soco",
    "cats_and_dogs",
    "pokemon",
    "basenet",
    "birds",
    "histology",
)


@dataclass(frozen=True)
class Settings:
    """What the user chooses when a study is run.

    Args:
        quick: Whether to run a short form that takes minutes: smaller images, few epochs.
        seed: The seed of every trial.
        weights: Weights of the backbones: `"imagenet"`, a path, or `None` for random ones.

    Example:
        >>> Settings(quick=True).weights
        'imagenet'
    """

    quick: bool = False
    seed: int = 0
    weights: str | None = "imagenet"


@dataclass(frozen=True)
class Published:
    """A number that the authors of the study reported.

    Args:
        trial: The name of the trial it belongs to.
        metric: What was measured.
        value: The number.
        remark: A condition under which it was measured.

    Example:
        >>> Published("version-1-adam", "training accuracy", 0.82).value
        0.82
    """

    trial: str
    metric: str
    value: float
    remark: str = ""


@dataclass(frozen=True)
class FineTuneFrom:
    """The layer of a backbone from which on a published study trained it.

    Published studies give an index into the layers of Keras 2; the name is independent of the
    version.

    Args:
        layers: Number of layers of the backbone in Keras 2, without its classifier.
        index: The published index of the first trained layer, from 0.
        name: The name of that layer, for `unfreeze_weights(model, from_=name)`.

    Example:
        >>> FineTuneFrom(19, 15, "block5_conv1").name
        'block5_conv1'
    """

    layers: int
    index: int
    name: str


@dataclass(frozen=True)
class Study:
    """Tables of images, a list of trials, and the published numbers.

    Args:
        name: The name on the command line.
        title: One line for tables and pages.
        trials: Returns the trials of one repeat, given the settings. Trials with the same name
            are the folds of one.
        tables: Returns, given the data folder and a trial's `split`, a table of files for each
            split: `train`, `validation` (evaluated after every epoch; optional), `source`
            (trained on first, if a trial says so), and others, such as `test`, which are
            evaluated once, at the end.
        published: The numbers that the authors reported.
        notes: What a reader of the numbers should know.
        repeats: How often the authors repeated it, each time with another seed.
        generate_data: Generates images, laid out like the study's data, in a new folder. The
            quick form uses them if it is given no data.
        metric: The metric by which the trials are compared.
        draw: The old name of `generate_data`.

    Example:
        >>> study = Study("none", "A study without trials", lambda settings: [], lambda *_: {})
        >>> study.metric, study.repeats
        ('test accuracy', 1)
    """

    name: str
    title: str
    trials: Callable[[Settings], list[Trial]]
    tables: Callable[[Path, Mapping[str, Any]], dict[str, pd.DataFrame]]
    published: tuple[Published, ...] = ()
    notes: tuple[str, ...] = ()
    repeats: int = 1
    generate_data: Callable[[Path], object] | None = None
    metric: str = "test accuracy"
    draw: InitVar[Callable[[Path], object] | None] = None

    def __post_init__(self, draw: Callable[[Path], object] | None) -> None:
        if draw is None:
            return
        warnings.warn(
            "The argument `draw` of Study is now called `generate_data`.",
            FutureWarning,
            stacklevel=3,
        )
        object.__setattr__(self, "generate_data", draw)


def empty_study(name: str, title: str) -> Study:
    """Return a study without trials or data, for a folder of results made in another way.

    Args:
        name: The name, by which the folder is known again.
        title: The title of the report.

    Returns:
        The study.
    """
    return Study(name, title, lambda settings: [], lambda directory, split: {})


def get_study(name: str) -> Study:
    """Return a study by name; `-` and `_` mean the same.

    Args:
        name: A name that `study_names` lists, or the path of a Python file of your own that
            defines `STUDY`. The file is executed.

    Returns:
        The study.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the study is unknown, or the file defines no `STUDY`.

    Example:
        >>> get_study("blood_cells").name
        'blood-cells'
    """
    if name.endswith(".py"):
        return _study_from_file(Path(name).expanduser().absolute())
    module = name.replace("-", "_")
    if module not in _MODULES:
        raise ValueError(
            f"Unknown study {name!r}. Known studies: {', '.join(study_names())}. For a study of "
            "your own, pass the path of its file, such as my_study.py."
        )
    study: Study = import_module(f".catalog.{module}", __package__).STUDY
    return study


def _study_from_file(file: Path) -> Study:
    if not file.is_file():
        raise FileNotFoundError(f"No such file: {file}.")
    # Imported by name, so that trials in other processes find the file's networks too. They
    # inherit the path; the folder comes last, so that nothing in it hides another module.
    before, known = list(sys.path), file.stem in sys.modules
    if str(file.parent) not in before:
        sys.path.append(str(file.parent))
    try:
        return _import_study(file)
    except BaseException:
        sys.path[:] = before
        if not known:
            sys.modules.pop(file.stem, None)  # A corrected file is read again.
        raise


def _import_study(file: Path) -> Study:
    spec = find_spec(file.stem) if file.stem.isidentifier() else None
    if spec is None or spec.origin is None or Path(spec.origin) != file:
        raise ValueError(
            f"{file} cannot be imported as {file.stem!r}. Choose a name that is a Python "
            "identifier and not the name of another module."
        )
    study = getattr(import_module(file.stem), "STUDY", None)
    if not isinstance(study, Study):
        raise ValueError(f"{file} defines no STUDY. Expected STUDY = Study(...).")
    return study


def study_names() -> list[str]:
    """Return the names of all studies.

    Example:
        >>> "blood-cells" in study_names()
        True
    """
    return [module.replace("_", "-") for module in _MODULES]


def select_trials(trials: list[Trial], pattern: str | None) -> list[Trial]:
    """Select the trials whose names match one of several shell patterns.

    Args:
        trials: All trials.
        pattern: Comma-separated patterns, such as `"version-1-*,modern"`; `None` selects all.

    Returns:
        The matching trials in their original order.

    Raises:
        ValueError: If a pattern matches no trial; the message lists the names.

    Example:
        >>> trials = get_study("blood-cells").trials(Settings())
        >>> [trial.name for trial in select_trials(trials, "modern,*-sgd")]
        ['version-1-sgd', 'version-2-sgd', 'vgg16-fine-tuned-sgd', 'modern']
    """
    if pattern is None:
        return trials
    patterns = [each.strip() for each in pattern.split(",")]
    for each in patterns:
        if not any(fnmatchcase(trial.name, each) for trial in trials):
            names = ", ".join(dict.fromkeys(trial.name for trial in trials))
            raise ValueError(f"No trial matches {each!r}. Known trials: {names}.")
    return [trial for trial in trials if any(fnmatchcase(trial.name, each) for each in patterns)]
