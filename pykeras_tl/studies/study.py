"""What a study is: where its images stand, its trials, and what was published."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
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
    """What a user chooses when a study is run.

    Args:
        quick: Whether to run a form that ends in minutes: smaller images, few epochs.
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
    """A number that the study's authors reported.

    Args:
        trial: The trial it belongs to.
        metric: What was measured.
        value: The number.
        remark: A condition that belongs to it.

    Example:
        >>> Published("version-1-adam", "training accuracy", 0.82).value
        0.82
    """

    trial: str
    metric: str
    value: float
    remark: str = ""


@dataclass(frozen=True)
class Study:
    """Tables of images, a table of trials, and what was published.

    Args:
        name: The name on the command line.
        title: One line for tables and pages.
        trials: Makes the trials of one repeat from the settings; trials of equal name are the
            folds of one.
        tables: Makes, from the data folder and a trial's `split`, a table of files for each
            part: `train`, `validation` (looked at after every epoch; may be absent), `source`
            (trained on first, where a trial says so), and others, such as `test`, that are
            looked at once, at the end.
        published: What the authors reported.
        notes: What a reader of the numbers should know.
        repeats: How often the authors repeated it, each time with another seed.
        draw: Draws images, laid out as the study's data are, into a new folder; the quick
            form runs on them when it is given no data.
        metric: The number by which trials are compared.
    """

    name: str
    title: str
    trials: Callable[[Settings], list[Trial]]
    tables: Callable[[Path, Mapping[str, Any]], dict[str, pd.DataFrame]]
    published: tuple[Published, ...] = ()
    notes: tuple[str, ...] = ()
    repeats: int = 1
    draw: Callable[[Path], object] | None = None
    metric: str = "test accuracy"


def get_study(name: str) -> Study:
    """Return a study by name; `-` and `_` mean the same.

    Args:
        name: A name that `study_names` lists, or the path of a Python file of your own that
            ends with a `STUDY`. The file is run.

    Returns:
        The study.

    Raises:
        FileNotFoundError: When there is no such file.
        ValueError: When there is no such study, or no `STUDY` in the file.

    Example:
        >>> get_study("blood_cells").name
        'blood-cells'
    """
    if name.endswith(".py"):
        return _study_in(Path(name).expanduser().absolute())
    module = name.replace("-", "_")
    if module not in _MODULES:
        raise ValueError(
            f"There is no study {name!r}; there are: {', '.join(study_names())}. A file of your "
            "own is given by its path, such as my_study.py."
        )
    found: Study = import_module(f".catalog.{module}", __package__).STUDY
    return found


def _study_in(file: Path) -> Study:
    if not file.is_file():
        raise FileNotFoundError(f"There is no file {file}.")
    # By its name, so that networks in the file can be found by trials in other processes too.
    # Those inherit the path: the folder stands last, so that nothing in it hides another module.
    before, known = list(sys.path), file.stem in sys.modules
    if str(file.parent) not in before:
        sys.path.append(str(file.parent))
    try:
        return _imported(file)
    except BaseException:
        sys.path[:] = before
        if not known:
            sys.modules.pop(file.stem, None)  # A file that was mended is read anew.
        raise


def _imported(file: Path) -> Study:
    found = find_spec(file.stem) if file.stem.isidentifier() else None
    if found is None or found.origin is None or Path(found.origin) != file:
        raise ValueError(
            f"{file} cannot be imported as {file.stem!r}; give it a name that is no other module's."
        )
    study = getattr(import_module(file.stem), "STUDY", None)
    if not isinstance(study, Study):
        raise ValueError(f"{file} has no STUDY; a study's file ends with STUDY = Study(...).")
    return study


def study_names() -> list[str]:
    """Return the names of all studies.

    Example:
        >>> "blood-cells" in study_names()
        True
    """
    return [module.replace("_", "-") for module in _MODULES]


def chosen_trials(trials: list[Trial], pattern: str | None) -> list[Trial]:
    """Return the trials whose names match one of the comma-separated shell patterns.

    Args:
        trials: All trials.
        pattern: Such as `"version-1-*,modern"`; `None` takes all.

    Returns:
        The matching trials in their own order.

    Raises:
        ValueError: When a pattern matches none; the message lists the names.

    Example:
        >>> made = get_study("blood-cells").trials(Settings())
        >>> [trial.name for trial in chosen_trials(made, "modern,*-sgd")]
        ['version-1-sgd', 'version-2-sgd', 'vgg16-fine-tuned-sgd', 'modern']
    """
    if pattern is None:
        return trials
    wanted = [part.strip() for part in pattern.split(",")]
    for part in wanted:
        if not any(fnmatchcase(trial.name, part) for trial in trials):
            names = ", ".join(trial.name for trial in trials)
            raise ValueError(f"No trial matches {part!r}; the trials are: {names}.")
    return [trial for trial in trials if any(fnmatchcase(trial.name, part) for part in wanted)]
