"""Sets of few images: a linear probe on all of them, judged by repeated cross-validation.

A test part of a few images would say next to nothing, and those images are missed in training.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import pandas as pd

from ..evaluation import (
    Evaluation,
    fit_temperature,
    prediction_table,
    scale_by_temperature,
)
from ..evaluation.report import Report, TrialReport, write_report
from ..explanation.mistakes import explain_mistakes, overlays_of_mistakes
from ..images.datasets.splits import k_folds
from ..images.decoding.value_range import DtypeRange
from ..models.saving.classifier import Classifier
from ..models.transfer import transfer_model
from ..models.uncertainty.novelty import NoveltyDetector
from ..studies.image_groups import add_groups, describe_images, groups_of
from ..studies.results.intervals import write_intervals
from ..studies.results.trial_results import EXPLANATIONS
from ..training.linear_probe import Probe, ProbeData, probe_data
from ..uncertainty import fit_prediction_sets
from ..uncertainty.novelty import detector_by_folds
from .out_of_fold import FOLDS, STRENGTH, out_of_fold_probabilities, smallest_class
from .probing import image_flow
from .survey import Survey

_logger = logging.getLogger(__name__)
CROSS_VALIDATION = "cross-validation"
# With fewer distinct images in the smallest class, a fifth of them is too few to judge by.
_FEW = 25
_REPEATS = 5


def is_small(survey: Survey) -> bool:
    """Return whether a set is too small to be split into training, validation and test."""
    return survey.smallest < _FEW


def train_on_few(
    table: pd.DataFrame,
    out: Path,
    *,
    backbone: str,
    weights: str | None,
    target_size: tuple[int, int],
    groups: str | None,
    seed: int,
    dtype_range: DtypeRange = None,
) -> Classifier:
    """Train a classifier on few images and judge it by repeated cross-validation.

    Args:
        table: All images, with the columns `filename` and `class`.
        out: An existing folder, which receives the classifier, the predictions of each image by
            probes that did not learn from it, and the report.
        backbone: The pretrained network.
        weights: Its weights, as for `transfer_model`.
        target_size: Height and width of the images in pixels.
        groups: What belongs together, as for `add_groups`.
        seed: Seeds the folds.
        dtype_range: The range of values in the files, as in `read_image`.

    Returns:
        The classifier, whose `metrics` hold the accuracy in cross-validation.

    Raises:
        ValueError: If a class has fewer than two distinct images.
    """
    table, column = add_groups(table.reset_index(drop=True), groups)
    classes = sorted(table["class"].unique())
    model = transfer_model(backbone, len(classes), input_shape=(*target_size, 3), weights=weights)
    flow = image_flow(table, target_size, classes, dtype_range)
    data = probe_data(keras.Model(model.inputs, model.layers[-1].input), flow)
    probabilities = out_of_fold_probabilities(table, column, data, len(classes), seed, _REPEATS)
    predictions = prediction_table(
        table["filename"].tolist(), table["class"].tolist(), probabilities, classes
    )
    evaluation = Evaluation(predictions, *groups_of(table))
    temperature = fit_temperature(predictions)
    kernel, bias = Probe(data, STRENGTH, len(classes)).weights(len(classes))
    model.layers[-1].set_weights([kernel / temperature, bias / temperature])
    evaluation.save(out / "evaluation" / CROSS_VALIDATION)
    write_intervals(out / "intervals.csv", backbone, {CROSS_VALIDATION: evaluation})
    metrics = {CROSS_VALIDATION: evaluation.accuracy}
    classifier = Classifier.from_flow(model, flow, metrics)
    scaled = Evaluation(scale_by_temperature(predictions, temperature), *groups_of(table))
    fit_prediction_sets(classifier, scaled)
    classifier.novelty = _novelty(table, column, data, seed)
    remark = (
        f"Too few images for a test part: the smallest class has {smallest_class(table, column)} "
        f"distinct ones. Each image was predicted by {_REPEATS} linear probes that did not learn "
        "from it, nor from images of its group; the classifier learned from all images."
    )
    _logger.info(remark)
    settings = {"backbone": backbone, "target_size": list(target_size), "C": STRENGTH}
    explain_mistakes(classifier, {CROSS_VALIDATION: evaluation}, out / EXPLANATIONS)
    _write_report(out, settings, metrics, evaluation, remark)
    classifier.describe({CROSS_VALIDATION: evaluation}, describe_images({"train": table}), settings)
    classifier.save(out / "classifier")
    return classifier


def _novelty(
    table: pd.DataFrame, column: str | None, data: ProbeData, seed: int
) -> NoveltyDetector:
    folds = k_folds(table, min(FOLDS, smallest_class(table, column)), groups=column, seed=seed)
    return detector_by_folds(
        data.features, data.classes, folds["fold"].to_numpy(), groups_of(table)[0]
    )


def _write_report(
    out: Path,
    settings: Mapping[str, Any],
    metrics: Mapping[str, float],
    evaluation: Evaluation,
    remark: str,
) -> None:
    named = {f"{name} accuracy": value for name, value in metrics.items()}
    trial = TrialReport(
        str(settings["backbone"]),
        settings=settings,
        metrics=named,
        evaluations={CROSS_VALIDATION: evaluation},
        overlays=overlays_of_mistakes(out / EXPLANATIONS),
        remarks=[remark],
    )
    write_report(out / "report.html", Report("A classifier from few images", trials=[trial]))
