"""A trained classifier that gives each image any number of labels."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import keras
import numpy as np
import pandas as pd

from ...images.datasets.directory_tree import Paths, image_files
from ...versions import training_versions
from ...visualization.rich_display import list_names
from ..inference import as_probabilities, predict_batch
from ..sharing.predictor_card import CardEvaluation, predictor_card
from .classifier_folder import MULTI_LABEL, check_class_names
from .image_predictor import ImagePredictor, with_errors
from .preprocess_config import PreprocessConfig

# Between the labels of an image in a table.
SEPARATOR = " | "


@dataclass(repr=False)
class MultiLabelClassifier(ImagePredictor):
    """A trained model that tells of each label whether an image has it.

    Attributes:
        model: The model, with one sigmoid unit per label.
        class_names: Names of the labels, in the order of the model's outputs.
        images: How a file becomes the model's input.
        thresholds: The probability from which on an image has the label, one per label, 0..1; 0.5
            by default.
        metrics: Results by name, in types that JSON can represent.
        versions: Versions of the packages that the model was trained with.
        card: The model card, the `README.md` of its folder; "" for none.
        trained_on: The content hashes of the files that the model was trained on, of which
            `evaluate_multi_label_classifier` warns; empty if they are not known.

    Raises:
        ValueError: When names or thresholds do not fit the model's outputs, or the preprocessed
            images do not fit its input.

    Example:
        >>> model = keras.Sequential(
        ...     [keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(2, "sigmoid")])
        >>> classifier = MultiLabelClassifier(model, ["cat", "dog"], PreprocessConfig((8, 8)))
        >>> classifier.thresholds
        [0.5, 0.5]
    """

    kind: ClassVar[str] = "a multi-label classifier"

    model: keras.Model
    class_names: list[str]
    images: PreprocessConfig
    thresholds: Sequence[float] | None = None
    metrics: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=training_versions)
    card: str = ""
    trained_on: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        self.class_names = list(self.class_names)
        check_class_names(self.class_names)
        outputs, count = tuple(self.model.output_shape), len(self.class_names)
        if len(outputs) != 2 or outputs[-1] != count:
            raise ValueError(
                "Expected one label per output of the model. Received: "
                f"{count} labels for a model with outputs of shape {outputs}."
            )
        given = [0.5] * count if self.thresholds is None else list(self.thresholds)
        if len(given) != count or not all(0 <= value <= 1 for value in given):
            raise ValueError(
                f"Expected a threshold from 0 to 1 for each of {count} labels. Received: {given}."
            )
        self.thresholds = [float(value) for value in given]
        self.check_input()

    def predict(
        self, paths: Paths, batch_size: int = 32, test_time_augmentation: str | None = None
    ) -> pd.DataFrame:
        """Predict the labels of each image.

        Args:
            paths: A file; a folder, searched recursively for images; a folder of shards or
                its URL; several of these; or a table with a column `filename`.
            batch_size: Number of images read and predicted at a time.
            test_time_augmentation: None, or views of each image over which probabilities are
                averaged: `"hflip"`, `"flips"` or `"d4"`, as in `predict_flow`.

        Returns:
            One row per image, in the order given: `filename`, `predicted` (the labels whose
            probability reaches their threshold, the most probable first, with " | " between them;
            "" for none) and one column of probabilities per label, which need not sum to 1. If
            files cannot be read, they have no labels and no probabilities, and the last column,
            `error`, tells why.

        Raises:
            FileNotFoundError: When a file or folder does not exist.
            BadImageError: When none of the files can be read.
            ValueError: When there is no image.
        """
        files = image_files(paths)
        probabilities = np.full((len(files), len(self.class_names)), np.nan, "float32")

        def run(batch: np.ndarray, rows: list[int]) -> None:
            outputs = predict_batch(self.model, batch, test_time_augmentation)
            probabilities[rows] = as_probabilities(outputs, len(self.class_names))

        errors = self.run_files(files, batch_size, run)
        predicted = pd.Series(self.labels_of(probabilities), dtype=object)
        predicted[list(errors)] = None
        table = pd.DataFrame({"filename": files, "predicted": predicted})
        columns = pd.DataFrame(probabilities, columns=self.class_names)
        return with_errors(pd.concat([table, columns], axis=1), errors)

    def labels_of(self, probabilities: np.ndarray) -> list[str]:
        """Return the labels whose probability reaches their threshold.

        Args:
            probabilities: Shape (images, labels).

        Returns:
            For each image its labels, the most probable first, with " | " between them.
        """
        return labels_above(probabilities, self.thresholds or (), self.class_names)

    def describe(
        self,
        evaluations: Mapping[str, CardEvaluation],
        images: Mapping[str, pd.DataFrame] | None = None,
        made: Mapping[str, Any] | None = None,
    ) -> str:
        """Write the model card from what was measured.

        Args:
            evaluations: Evaluations by the name of their images.
            images: Tables about the images it was made from, by caption.
            made: How it was made: settings by name.

        Returns:
            The card, which is now the classifier's: `save` writes it to `README.md`.
        """
        names = ", ".join(self.class_names[:8]) + (" …" if len(self.class_names) > 8 else "")
        self.card = predictor_card(
            f"Labels of images: {names}",
            f"It gives each image a probability for each of {len(self.class_names)} labels, of "
            "which it can have several or none.",
            self.images.as_json(),
            evaluations,
            images,
            made,
            self.versions,
        )
        return self.card

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Save the classifier as one folder, atomically; `load_predictor` loads it.

        Args:
            folder: The target folder. An existing classifier is replaced.

        Returns:
            The folder.

        Raises:
            FileExistsError: When the folder exists and is not a classifier.
            ValueError: When the model has a layer that cannot be stored.
            OSError: When the folder cannot be written or the disk is full.
        """
        settings = {"class_names": self.class_names, "thresholds": self.thresholds}
        return self.write(folder, MULTI_LABEL, settings)

    def _facts(self) -> dict[str, str]:
        return {f"{len(self.class_names)} labels": list_names(self.class_names)}


def labels_above(
    probabilities: np.ndarray, thresholds: Sequence[float], names: Sequence[str]
) -> list[str]:
    """Write the labels of each image as text.

    Args:
        probabilities: Shape (images, labels).
        thresholds: The probability from which on an image has the label, one per label.
        names: The labels.

    Returns:
        For each image its labels, the most probable first, with " | " between them.

    Example:
        >>> labels_above(np.array([[0.6, 0.9], [0.1, 0.2]]), [0.5, 0.5], ["cat", "dog"])
        ['dog | cat', '']
    """
    # Seven digits are those of the model; a threshold is one of these numbers.
    above = np.asarray(probabilities, "float64").round(7) >= np.asarray(thresholds)
    return [
        SEPARATOR.join(names[label] for label in np.argsort(-row, kind="stable") if has[label])
        for row, has in zip(probabilities, above)
    ]
