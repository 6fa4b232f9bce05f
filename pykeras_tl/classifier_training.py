"""Trains a classifier on a folder of images, as a study with one trial."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from .images.datasets.corrections import Corrections
from .images.datasets.folders import check_classes
from .images.decoding.value_range import DtypeRange, as_dtype_range, range_setting
from .recipe.folder_splits import CALIBRATION, read_splits, split_off
from .studies.data_splits import digest_files
from .studies.image_groups import describe_images, evaluate_by_groups, groups_of
from .studies.results.intervals import write_intervals
from .studies.results.trial_results import is_done
from .studies.runner import create_results_folder, run_study
from .studies.study import empty_study
from .studies.trial import Trial

if TYPE_CHECKING:
    from .models.saving.classifier import Classifier

_logger = logging.getLogger(__name__)
# Of the prediction sets that the log speaks of; `predict` has the same by default.
_COVERAGE = 0.9
# Test images that are looked at to say how often one is taken for none of the classes.
_LOOKED_AT = 500
# What is trained where only some of the settings are given.
_EPOCHS, _FINE_TUNE_EPOCHS, _BATCH_SIZE = 10, 5, 32
_LEARNING_RATE, _FINE_TUNE_LEARNING_RATE = 1e-3, 1e-5


def train_classifier(
    directory: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    quality: str = "good",
    minutes: float | None = None,
    backbone: str | None = None,
    weights: str | os.PathLike[str] | None = "imagenet",
    target_size: tuple[int, int] | None = None,
    head: str = "pooling",
    dense: Sequence[int] = (),
    dropout: float = 0.2,
    epochs: int | None = None,
    unfreeze_from: str | None = None,
    fine_tune_epochs: int | None = None,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    fine_tune_learning_rate: float | None = None,
    augmentation: Mapping[str, Any] | None = None,
    groups: str | None = "copies",
    seed: int = 0,
    on_bad: str | None = "raise",
    dtype_range: DtypeRange = None,
    corrections: Corrections | None = None,
    devices: int | str | Sequence[str] | None = None,
    mixed_precision: str | None = None,
) -> Classifier:
    """Train a classifier on a folder that has one subfolder of images per class.

    The images are split at random, class by class, into 70 % for training, 10 % for validation
    and 20 % for the test; of fewer than 1,000 distinct images 100 are for validation, of fewer
    than 500 a fifth. If the folder holds splits instead, such as `TRAIN`, `TEST` and `val`,
    each with the class folders in it, they are used as they are, and only what is missing is
    split off the images for training. Of 200 distinct validation images or more, half is set
    aside: it chooses nothing, and calibrates the prediction sets. The classifier also carries what
    tells that an image is none of the classes (`Classifier.predict`).

    With nothing else said, the training is planned: pretrained backbones are tried, frozen, on
    some of the images; from their results, and from how fast this machine is, the backbone, the
    size of the images, and what to fine-tune for how long are chosen. The head is a linear probe,
    the fine tuning uses AdamW with learning rates that fall towards the input, warm-up and a
    cosine, label smoothing, and augmentation that turns images over only where that changes
    nothing. The weights that validate best are kept, and the probabilities are calibrated on the
    validation images. The log says what was decided and why, and `plan.json` keeps it. The test
    images play no part in any of this.

    With `epochs` or `unfreeze_from`, it is trained as told instead: the head on the frozen
    backbone with Adam, then, with `unfreeze_from`, the backbone from that layer or stage on.

    Args:
        directory: The folder; each folder in it is a class, or each is a split of the data set.
        out: The folder of results: the classifier, the tables, and `report.html`. It is created
            if missing, and must not hold anything else.
        quality: How much time to plan with: `"fast"` (2 minutes, the head only), `"good"` (10
            minutes) or `"best"` (an hour, several networks, averaged; `out`
            also has `distilled/classifier`, one network that learned from their average).
        minutes: The time to plan with instead. It is exceeded by a tenth at most, unless computing
            the frozen backbone once for each image takes longer.
        backbone: A name in `models.BACKBONES`. `None` takes one whose ImageNet weights are on this
            machine (`models.default_backbone`), or tries several.
        weights: `"imagenet"`, the path of a weights file, or `None` for random weights.
        target_size: Height and width of the images in pixels; `None` chooses, or is the size
            that the backbone was trained on where the training is not planned.
        head: `"pooling"` (average pooling) or `"flatten"`. This and all further settings up to
            `augmentation` are for trainings that are not planned, but for `batch_size`.
        dense: Units of each dense layer before the last.
        dropout: Dropout rate before the last layer, from 0 to below 1.
        epochs: Epochs of training the head; 10 where only `unfreeze_from` is given.
        unfreeze_from: The layer or stage of the backbone from which on to fine-tune it.
        fine_tune_epochs: Epochs of the fine tuning, 5 by default.
        batch_size: Images in a batch, at most 32 by default. Without a plan, every class needs at
            least as many training images.
        learning_rate: Adam's learning rate for the head, 1e-3 by default.
        fine_tune_learning_rate: Adam's learning rate for the fine tuning, 1e-5 by default.
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
        dtype_range: The range of values in files of 16 bits or floating-point numbers that
            becomes 0..255, as in `read_image`: `(0, 4095)`, or `"dtype"` for all values of the
            file's type.
        corrections: Images to leave out and images of another class: a CSV file, such as the
            page of an `audit` or `find_label_errors` writes, or a table (see
            `images.read_corrections`).
        devices: How many devices to train on, `"all"`, or their names, as in `fit`.
        mixed_precision: `"mixed_bfloat16"` or `"mixed_float16"` to compute in 16 bits on a GPU or
            TPU, as in `fit`.

    Returns:
        The trained classifier, as `load_classifier(out / "classifier")` loads it, with its
        accuracy on the validation and test images in `metrics`.

    Raises:
        BadImageError: If files cannot be read and `on_bad` is `"raise"`.
        FileNotFoundError: If there is no such folder, or the weights are not available.
        FileExistsError: If `out` holds something else, or another classifier.
        ValueError: If the folder has no class folders, only one class, or a class with too few
            images; if splits and classes are mixed, or the splits have different classes; if
            `groups` does not match a file name; or if an argument is out of range, or needs
            `epochs` or `unfreeze_from`.
        RuntimeError: If the training failed; `out` holds the error.

    Example:
        >>> classifier = train_classifier("birds", "birds-classifier")  # doctest: +SKIP
        >>> classifier.predict("new-images")  # doctest: +SKIP
    """
    started = time.monotonic()
    target = Path(out).expanduser().absolute()
    own = {
        "fine_tune_epochs": fine_tune_epochs,
        "learning_rate": learning_rate,
        "fine_tune_learning_rate": fine_tune_learning_rate,
        "augmentation": augmentation or None,
        "dense": list(dense) or None,
        "head": None if head == "pooling" else head,
    }
    split = {"groups": groups}
    named = devices if devices is None or isinstance(devices, int | str) else list(devices)
    hardware = {"devices": named, "mixed_precision": mixed_precision}
    read = partial(read_splits, directory, on_bad, corrections)
    if epochs is None and unfreeze_from is None:
        given = [name for name, value in own.items() if value is not None]
        if given:
            raise ValueError(
                f"Expected `epochs` or `unfreeze_from` with {', '.join(given)}. Received: neither, "
                "so that the training is planned."
            )
        return _train_as_planned(
            read, target, split, hardware, started,
            quality=quality, minutes=minutes, backbone=backbone, weights=weights,
            target_size=target_size, batch_size=batch_size, seed=seed, dtype_range=dtype_range,
        )  # fmt: skip
    from .models.backbones.registry import get_backbone
    from .models.weights.at_hand import default_backbone

    if backbone is None:
        backbone = default_backbone()
        _logger.info("Backbone: %s.", backbone)
    size = target_size or get_backbone(backbone).default_size
    if min(size) < 1:
        raise ValueError(f"Expected a target_size of at least 1 pixel each way. Received: {size}.")
    epochs = _EPOCHS if epochs is None else epochs
    fine_tune_epochs = _FINE_TUNE_EPOCHS if fine_tune_epochs is None else fine_tune_epochs
    if min(epochs, fine_tune_epochs) < 1:
        raise ValueError(
            f"Expected epochs and fine_tune_epochs >= 1. Received: {epochs} and {fine_tune_epochs}."
        )
    trial = Trial(
        backbone,
        {
            "target_size": list(size),
            "batch_size": batch_size or _BATCH_SIZE,
            **range_setting(as_dtype_range(dtype_range)),
            "augmentation": dict(augmentation or {}),
            "split": split,
        },
        {
            "backbone": backbone,
            "weights": None if weights is None else os.fspath(weights),
            "head": head,
            "dense": list(dense),
            "dropout": dropout,
        },
        {
            "optimizer": {"name": "adam", "learning_rate": learning_rate or _LEARNING_RATE},
            "epochs": epochs,
            **_fine_tuning(unfreeze_from, fine_tune_learning_rate, fine_tune_epochs),
        },
        seed,
    )
    tables = split_off(read(), groups, seed)
    check_classes(tables["train"], batch_size or _BATCH_SIZE)
    return _train([trial], tables, target, hardware)


def _fine_tuning(start: str | None, learning_rate: float | None, epochs: int) -> dict[str, Any]:
    if start is None:
        return {}
    rate = _FINE_TUNE_LEARNING_RATE if learning_rate is None else learning_rate
    optimizer = {"name": "adam", "learning_rate": rate}
    return {"fine_tune": {"from": start, "optimizer": optimizer, "epochs": epochs}}


def _train_as_planned(
    read: Callable[[], Mapping[str, pd.DataFrame]],
    out: Path,
    split: Mapping[str, Any],
    hardware: Mapping[str, Any],
    started: float,
    **asked: Any,
) -> Classifier:
    from .recipe.planning import Request, first_choice, plan_training
    from .recipe.sampling import without_surplus_copies
    from .recipe.saved_plans import read_plans, save_plans
    from .recipe.small_sets import is_small, train_on_few
    from .recipe.survey import survey_images

    request = Request(**asked)
    plans = read_plans(out, request, _STUDY)
    given = read()
    if list(given) == ["train"] and is_small(survey := survey_images(given["train"])):
        _check_no_classifier(out)
        backbone, size = first_choice(survey, request)
        return train_on_few(
            given["train"], create_results_folder(out, _STUDY), backbone=backbone,
            weights=request.weights_name, target_size=size, groups=split["groups"],
            seed=request.seed, dtype_range=request.dtype_range,
        )  # fmt: skip
    split_tables = split_off(given, split.get("groups"), request.seed)
    tables = without_surplus_copies(split_tables, given, request.seed)
    if not plans:
        plans = plan_training(tables, request, started)
        save_plans(out, request, plans, _STUDY)
    trials = [
        plan.trial(name, request.seed + number, request.weights_name, split, request.dtype_range)
        for number, (name, plan) in enumerate(plans.items())
    ]
    classifier = _train(trials, tables, out, hardware)
    smallest = list(plans.values())[-1]
    if len(plans) > 1 and smallest.fine_tune_from is not None:
        _logger.info("%s learns from the average of all.", smallest.backbone)
        plan = smallest.taught_by(str(out / "classifier"))
        student = plan.trial(
            "distilled", request.seed, request.weights_name, split, request.dtype_range
        )
        taught = _train([student], tables, out / "distilled", hardware)
        _logger.info(
            "Alone it reaches %.3f on the test images, in place of %.3f: %s.",
            taught.metrics["test"], classifier.metrics["test"], out / "distilled" / "classifier",
        )  # fmt: skip
    return classifier


def _train(
    trials: Sequence[Trial],
    tables: Mapping[str, pd.DataFrame],
    out: Path,
    hardware: Mapping[str, Any],
) -> Classifier:
    """Train one classifier, or several that are averaged."""
    from .models.saving.classifier import load_classifier

    asked = {name: value for name, value in hardware.items() if value is not None}
    trials = [trial.with_training(**asked) for trial in trials]
    digests = {name: digest_files(rows) for name, rows in tables.items()}
    for trial in trials:
        _check_no_other_classifier(out, trial.on_files(digests))
    study = replace(
        _STUDY,
        trials=lambda settings: list(trials),
        tables=lambda directory, split: dict(tables),
    )
    result = run_study(study, ".", out, seed=trials[0].seed, on_bad=None)
    if result.failures:
        name, error = next(iter(result.failures.items()))
        raise RuntimeError(f"Training of {name} failed: {error}. See {result.folder}.")
    target = out / "classifier"
    if len(trials) == 1:
        trained = result.trials[0].folder / "classifier"
        if trained.exists():
            trained.rename(target)
        evaluations = result.trials[0].folder / "evaluation"
    else:
        _average([each.folder / "classifier" for each in result.trials], tables, target)
        evaluations = out / "evaluation"
    classifier = load_classifier(target)
    if classifier.novelty is None:
        _add_doubt(classifier, tables, evaluations, trials[0].seed)
        classifier.save(target)
    return classifier


def _add_doubt(
    classifier: Classifier, tables: Mapping[str, pd.DataFrame], evaluations: Path, seed: int
) -> None:
    """Give a classifier what it needs to say when not to believe it."""
    from .evaluation import Evaluation, coverage_table
    from .evaluation.coverage import fit_sets
    from .models.sharing.model_card import with_novelty
    from .uncertainty import fit_novelty

    split = CALIBRATION if CALIBRATION in tables else "validation"
    classifier.prediction_sets = fit_sets(Evaluation.load(evaluations / split))
    test = Evaluation.load(evaluations / "test")
    found = coverage_table(test, classifier.prediction_sets, [_COVERAGE]).iloc[0]
    _logger.info(
        "Prediction sets for a coverage of %.0f %% hold the true class of %.1f %% of the test "
        "images, with %.1f classes on average. Fitting what tells images that are none of these.",
        100 * _COVERAGE, 100 * found["measured"], found["mean_size"],
    )  # fmt: skip
    groups = groups_of(tables[split])[0]
    detector = fit_novelty(classifier, tables["train"], tables[split], groups, seed=seed)
    images = tables["test"]["filename"].drop_duplicates()
    some = images.sample(min(_LOOKED_AT, len(images)), random_state=seed).tolist()
    marked = float(classifier.predict(some)["none_of_these"].mean())
    classifier.card = with_novelty(classifier.card, detector.threshold, marked, len(some))


def _average(folders: Sequence[Path], tables: Mapping[str, pd.DataFrame], target: Path) -> None:
    """Save the average of classifiers, and evaluate it."""
    from .evaluation import Evaluation
    from .models.averaging import average_classifiers
    from .models.saving.classifier import load_classifier

    average = average_classifiers([load_classifier(folder) for folder in folders])
    evaluations = {}
    for name, table in tables.items():
        if name == "train":
            continue
        folder = target.parent / "evaluation" / name
        if not folder.exists():
            evaluate_by_groups(average, table).save(folder)
        evaluations[name] = Evaluation.load(folder)
        average.metrics[name] = evaluations[name].accuracy
    write_intervals(target.parent / "intervals.csv", "average", evaluations)
    if not target.exists():
        made = {"average of": [folder.parent.name for folder in folders]}
        average.describe(evaluations, describe_images(tables), made)
        average.save(target)


def _check_no_other_classifier(out: Path, trial: Trial) -> None:
    if not is_done(out / "trials" / trial.folder):
        _check_no_classifier(out)


def _check_no_classifier(out: Path) -> None:
    if (out / "classifier").exists():
        raise FileExistsError(
            f"{out} holds a classifier made with other settings or images. Choose another folder."
        )


_STUDY = empty_study("own-folder", "A classifier from a folder of images")
