"""What differs between the tasks: the last layer, the loss, the probe, the evaluation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar

import keras
import numpy as np
import pandas as pd
from sklearn.metrics import accuracy_score, r2_score

from ..evaluation.multi_label.evaluate import evaluate_labels
from ..evaluation.multi_label.evaluation import MultiLabelEvaluation
from ..evaluation.multi_label.thresholds import choose_label_thresholds
from ..evaluation.regression.evaluate import evaluate_numbers
from ..evaluation.regression.evaluation import RegressionEvaluation
from ..models.saving.multi_label import MultiLabelClassifier
from ..models.saving.preprocess_config import PreprocessConfig
from ..models.saving.regressor import Regressor
from ..recipe.survey import Survey
from ..studies.image_groups import groups_of
from ..studies.phases import Objective
from ..training.linear_probe import Features
from .probes import LinearProbe, binary_loss, fit_labels, fit_number, set_last_layer

Predictor = MultiLabelClassifier | Regressor
Evaluated = MultiLabelEvaluation | RegressionEvaluation


@dataclass(frozen=True)
class Task(ABC):
    """What a training needs to know of its task.

    Attributes:
        columns: The columns of numbers that the model learns.
        name: What is trained, for pages.
        folder: The name of the folder that it is saved in.
        activation: That of the last layer.
        measure: The measure of a probe, and in words what it lacks to 1.
    """

    columns: list[str]

    name: ClassVar[str]
    folder: ClassVar[str]
    activation: ClassVar[str]
    measure: ClassVar[tuple[str, str]]

    @abstractmethod
    def fit(self, training: Features, validation: Features | None) -> LinearProbe:
        """Fit a linear probe."""

    @abstractmethod
    def objective(self) -> Objective:
        """Return what is minimized."""

    @abstractmethod
    def judge(self, labels: np.ndarray, outputs: np.ndarray) -> tuple[float, float]:
        """Return the measure, from 0 to 1, and the loss of a probe's outputs."""

    @abstractmethod
    def rightness(self, labels: np.ndarray, outputs: np.ndarray) -> np.ndarray:
        """Return how right a probe's outputs are for each image, at most 1, shape (images,)."""

    @abstractmethod
    def describe(self, survey: Survey, table: pd.DataFrame) -> str:
        """Return what the images are as a sentence."""

    @abstractmethod
    def predictor(
        self, model: keras.Model, images: PreprocessConfig, validation: pd.DataFrame
    ) -> Predictor:
        """Make what is saved of a trained model; validation images may choose thresholds."""

    @abstractmethod
    def evaluate(self, predictor: Any, table: pd.DataFrame) -> Evaluated:
        """Evaluate it on images."""


@dataclass(frozen=True)
class MultiLabelTask(Task):
    """Several labels an image.

    Attributes:
        columns: The columns that hold 0 or 1 for each label.
        class_names: The labels.
    """

    class_names: list[str]

    name = "A multi-label classifier"
    folder = "classifier"
    activation = "sigmoid"
    measure = ("images with all labels right", "makes a mistake in {:.1%} of the images")

    def fit(self, training: Features, validation: Features | None) -> LinearProbe:
        """Fit a logistic regression for each label."""
        return fit_labels(training, validation)

    def objective(self) -> Objective:
        """Return the binary cross-entropy of each label.

        Labels are not smoothed: most are 0, and smoothing would raise all probabilities.
        """
        loss = keras.losses.BinaryCrossentropy()
        return Objective(loss, ("binary_accuracy",), partial(set_last_layer, fit_labels))

    def judge(self, labels: np.ndarray, outputs: np.ndarray) -> tuple[float, float]:
        """Return the share of images with all labels right, and the cross-entropy."""
        return float(accuracy_score(labels > 0, outputs >= 0.5)), binary_loss(labels, outputs)

    def rightness(self, labels: np.ndarray, outputs: np.ndarray) -> np.ndarray:
        """Return the mean probability of what is true.

        The labels that an image has count as much as those that it lacks, which are many more.
        """
        has = labels > 0
        shares = [each / each.sum(axis=1, keepdims=True).clip(1) for each in (has, ~has)]
        weights = shares[0] + shares[1]
        true = np.where(has, outputs, 1 - outputs)
        return np.average(true, axis=1, weights=weights)

    def describe(self, survey: Survey, table: pd.DataFrame) -> str:
        """Return what the images are as a sentence."""
        counts = table[self.columns].sum().to_numpy()
        rarest = int(counts.argmin())
        return (
            f"{_images(survey)}, {len(self.columns)} labels, {counts.sum() / len(table):.1f} on "
            f"average; the rarest, {self.class_names[rarest]}, has {counts[rarest]:,.0f} images."
        )

    def predictor(
        self, model: keras.Model, images: PreprocessConfig, validation: pd.DataFrame
    ) -> MultiLabelClassifier:
        """Make the classifier, with thresholds that have the highest F1 on validation images."""
        classifier = MultiLabelClassifier(model, self.class_names, images)
        table = classifier.predict(validation["filename"].tolist())
        scores = table.iloc[:, 2 : 2 + len(self.columns)].to_numpy("float64")
        true = validation[self.columns].to_numpy() > 0
        return replace(classifier, thresholds=choose_label_thresholds(true, scores))

    def evaluate(self, predictor: MultiLabelClassifier, table: pd.DataFrame) -> Evaluated:
        """Evaluate it on images."""
        true = table[self.columns].to_numpy() > 0
        found = evaluate_labels(predictor, table["filename"].tolist(), true)
        return replace(found, **_groups(table))


@dataclass(frozen=True)
class RegressionTask(Task):
    """A number an image, which the model learns in standard deviations from the mean.

    Attributes:
        columns: The column that holds the standardized number.
        target: The name of the number.
        mean: The mean of the training images.
        deviation: Their standard deviation.
    """

    target: str
    mean: float
    deviation: float

    name = "A regressor"
    folder = "regressor"
    activation = "linear"
    measure = ("R²", "leaves {:.1%} of the variance unexplained")

    def fit(self, training: Features, validation: Features | None) -> LinearProbe:
        """Fit a ridge regression."""
        return fit_number(training, validation)

    def objective(self) -> Objective:
        """Return the Huber loss, which is quadratic up to one standard deviation."""
        loss = keras.losses.Huber(delta=1.0)
        return Objective(loss, ("mean_absolute_error",), partial(set_last_layer, fit_number))

    def judge(self, labels: np.ndarray, outputs: np.ndarray) -> tuple[float, float]:
        """Return R², not below 0, and the mean squared error."""
        loss = float(np.mean((outputs - labels) ** 2))
        return max(0.0, float(r2_score(labels, outputs))), loss

    def rightness(self, labels: np.ndarray, outputs: np.ndarray) -> np.ndarray:
        """Return 1 less the distance in standard deviations."""
        return 1 - np.abs(outputs - labels).reshape(len(labels))

    def describe(self, survey: Survey, table: pd.DataFrame) -> str:
        """Return what the images are as a sentence."""
        numbers = self.mean + self.deviation * table[self.columns[0]]
        return (
            f"{_images(survey)}; {self.target} from {numbers.min():.4g} to {numbers.max():.4g}, "
            f"{self.mean:.4g} on average with a standard deviation of {self.deviation:.4g}."
        )

    def predictor(
        self, model: keras.Model, images: PreprocessConfig, validation: pd.DataFrame
    ) -> Regressor:
        """Make the regressor, whose model returns the number in its own unit."""
        unit = keras.layers.Rescaling(self.deviation, self.mean, name="unit")
        whole = keras.Model(model.inputs, unit(model.outputs[0]), name=model.name)
        return Regressor(whole, self.target, images)

    def evaluate(self, predictor: Regressor, table: pd.DataFrame) -> Evaluated:
        """Evaluate it on images."""
        true = self.mean + self.deviation * table[self.columns[0]].to_numpy()
        found = evaluate_numbers(predictor, table["filename"].tolist(), true)
        return replace(found, **_groups(table))


def _images(survey: Survey) -> str:
    kind = "distinct" if survey.copies else "groups"
    distinct = "" if survey.distinct == survey.images else f" ({survey.distinct:,} {kind})"
    return f"{survey.images:,} images{distinct}, {survey.height} × {survey.width} pixels"


def _groups(table: pd.DataFrame) -> dict[str, Any]:
    groups, copies = groups_of(table)
    return {"groups": groups, "groups_are_copies": copies}
