"""A classifier from a user's own folder of images: a study with one trial."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from .images.datasets.folders import check_classes, list_images
from .images.datasets.splits import groups_from_names, split_fractions
from .images.duplicates import duplicate_groups
from .studies.data_splits import digest
from .studies.results.trial_results import is_done
from .studies.runner import run_study
from .studies.study import Settings, Study
from .studies.trial import Trial

if TYPE_CHECKING:
    from .models.saving.classifier import Classifier

_PARTS = {"train": 0.6, "validation": 0.2, "test": 0.2}
_COPIES = "copies"


def train_classifier(
    directory: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    backbone: str = "vgg16",
    weights: str | os.PathLike[str] | None = "imagenet",
    target_size: tuple[int, int] | None = None,
    head: str = "pooling",
    dense: Sequence[int] = (),
    dropout: float = 0.2,
    epochs: int = 10,
    unfreeze_from: str | None = None,
    fine_tune_epochs: int = 5,
    batch_size: int = 32,
    learning_rate: float = 1e-3,
    fine_tune_learning_rate: float = 1e-5,
    augmentation: Mapping[str, Any] | None = None,
    groups: str | None = None,
    seed: int = 0,
) -> Classifier:
    """Train a classifier on a folder with one folder of images for each class.

    The images are split by class into 60 % for training, 20 % for validation and 20 % for
    the test. The head is trained on the frozen backbone; with `unfreeze_from` the backbone is
    then trained on from that layer or stage at a low rate.

    Args:
        directory: The folder; each folder in it is a class.
        out: The folder of results: the classifier, the tables, and `report.html`. It is made
            when missing, and refused when it holds something else.
        backbone: A name in `models.BACKBONES`.
        weights: `"imagenet"`, a path to a file of weights, or `None` for random ones.
        target_size: Height and width in pixels; the backbone's own when absent.
        head: `"pooling"` (average pooling) or `"flatten"`.
        dense: Units of the dense layers before the last.
        dropout: Share of the units dropped before the last layer, from 0 to below 1.
        epochs: Epochs of training the head.
        unfreeze_from: Layer or stage of the backbone from which on it is fine-tuned.
        fine_tune_epochs: Epochs of the fine tuning.
        batch_size: Images in a batch; no class may have fewer to train on.
        learning_rate: Adam's rate for the head.
        fine_tune_learning_rate: Adam's rate for the fine tuning.
        augmentation: Arguments of `ImageDataGenerator` for the training images.
        groups: What keeps images that belong together in one part: a regular expression that
            finds the patient, slide or photograph in the file's name, such as `"^C[0-9]+"` (see
            `groups_from_names`), or `"copies"`, which looks for images that show the same.
            Intervals of the results are then by group.
        seed: The seed of the split, the weights, shuffling and augmentation.

    Returns:
        The trained classifier, as `load_classifier(out / "classifier")` gives it, with its
        accuracy on the validation and test images in `metrics`.

    Raises:
        FileNotFoundError: When there is no such folder, or the weights cannot be had.
        FileExistsError: When `out` holds something else, or another classifier.
        ValueError: When the folder has no class folders, one class only, or a class with
            fewer images than a batch; when `groups` matches no part of a file's name; or an
            argument is out of range.

    Example:
        >>> classifier = train_classifier(  # doctest: +SKIP
        ...     "birds", "birds-classifier", backbone="mobilenet_v2", epochs=5
        ... )
        >>> classifier.predict("new-images")  # doctest: +SKIP
    """
    from .models.backbones.registry import get_backbone
    from .models.saving.classifier import load_classifier

    size = target_size or get_backbone(backbone).default_size
    if min(size) < 1:
        raise ValueError(f"target_size is {size}; expected a height and width of 1 pixel or more.")
    if min(epochs, fine_tune_epochs) < 1:
        raise ValueError(
            f"epochs and fine_tune_epochs are 1 or more; received {epochs} and {fine_tune_epochs}."
        )
    trial = Trial(
        backbone,
        {
            "target_size": list(size),
            "batch_size": batch_size,
            "augmentation": dict(augmentation or {}),
            **({} if groups is None else {"split": {"groups": groups}}),
        },
        {
            "backbone": backbone,
            "weights": None if weights is None else os.fspath(weights),
            "head": head,
            "dense": list(dense),
            "dropout": dropout,
        },
        {
            "optimizer": {"name": "adam", "learning_rate": learning_rate},
            "epochs": epochs,
            **_fine_tuning(unfreeze_from, fine_tune_learning_rate, fine_tune_epochs),
        },
        seed,
    )
    result = run_study(_study(trial, batch_size, Path(out)), directory, out, seed=seed)
    if result.failures:
        raise RuntimeError(f"training failed: {result.failures[backbone]}; see {result.folder}")
    made, place = result.trials[0].folder / "classifier", result.folder / "classifier"
    if made.exists():
        made.rename(place)
    return load_classifier(place)


def _fine_tuning(start: str | None, learning_rate: float, epochs: int) -> dict[str, Any]:
    if start is None:
        return {}
    optimizer = {"name": "adam", "learning_rate": learning_rate}
    return {"fine_tune": {"from": start, "optimizer": optimizer, "epochs": epochs}}


def _study(trial: Trial, batch_size: int, out: Path) -> Study:
    def trials(settings: Settings) -> list[Trial]:
        return [trial]

    def tables(directory: Path, split: Mapping[str, Any]) -> dict[str, pd.DataFrame]:
        table = _with_groups(list_images(directory), split.get("groups"))
        column = "group" if "group" in table else None
        table = split_fractions(table, _PARTS, groups=column, seed=trial.seed)
        parts = {part: table[table["split"] == part].drop(columns="split") for part in _PARTS}
        check_classes(parts["train"], batch_size)
        _refuse_another(out, trial.on_files({part: digest(rows) for part, rows in parts.items()}))
        return parts

    return Study("own-folder", "A classifier from a folder of images", trials, tables)


def _with_groups(table: pd.DataFrame, groups: str | None) -> pd.DataFrame:
    if groups is None:
        return table
    return duplicate_groups(table) if groups == _COPIES else groups_from_names(table, groups)


def _refuse_another(out: Path, trial: Trial) -> None:
    if (out / "classifier").exists() and not is_done(out / "trials" / trial.folder):
        raise FileExistsError(
            f"{out} holds a classifier made with other settings or images; choose another folder."
        )
