"""A trained model that gives each image a number, such as an age or a count."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import keras
import numpy as np
import pandas as pd

from ...images.datasets.directory_tree import Paths, image_files
from ...versions import training_versions
from ..inference import predict_batch
from ..sharing.predictor_card import CardEvaluation, predictor_card
from .classifier_folder import REGRESSOR
from .image_predictor import ImagePredictor, with_errors
from .preprocess_config import PreprocessConfig


@dataclass(repr=False)
class Regressor(ImagePredictor):
    """A trained model that predicts a number for each image.

    Attributes:
        model: The model, with one output, in the unit of the target.
        target: The name of the number, such as `"age"`.
        images: How a file becomes the model's input.
        metrics: Results by name, in types that JSON can represent.
        versions: Versions of the packages that the model was trained with.
        card: The model card, the `README.md` of its folder; "" for none.
        trained_on: The content hashes of the files that the model was trained on, of which
            `evaluate_regressor` warns; empty if they are not known.

    Raises:
        ValueError: When the model has not one output, or the preprocessed images do not fit its
            input.

    Example:
        >>> model = keras.Sequential(
        ...     [keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(1)])
        >>> Regressor(model, "age", PreprocessConfig((8, 8))).target_size
        (8, 8)
    """

    kind: ClassVar[str] = "a regressor"

    model: keras.Model
    target: str
    images: PreprocessConfig
    metrics: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=training_versions)
    card: str = ""
    trained_on: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        outputs = tuple(self.model.output_shape)
        if outputs[1:] != (1,):
            raise ValueError(
                "Expected a model with one number for each image, of shape (None, 1). Received: "
                f"outputs of shape {outputs}."
            )
        if not self.target:
            raise ValueError("Expected the name of the target. Received: an empty text.")
        self.check_input()

    def predict(
        self, paths: Paths, batch_size: int = 32, test_time_augmentation: str | None = None
    ) -> pd.DataFrame:
        """Predict the number of each image.

        Args:
            paths: A file; a folder, searched recursively for images; a folder of shards or
                its URL; several of these; or a table with a column `filename`.
            batch_size: Number of images read and predicted at a time.
            test_time_augmentation: None, or views of each image over which the numbers are
                averaged: `"hflip"`, `"flips"` or `"d4"`, as in `predict_flow`.

        Returns:
            One row per image, in the order given: `filename` and `predicted`, the number in the
            unit of the target. If files cannot be read, their number is NaN, and the last column,
            `error`, tells why.

        Raises:
            FileNotFoundError: When a file or folder does not exist.
            BadImageError: When none of the files can be read.
            ValueError: When there is no image, or the model returns no finite number.
        """
        files = image_files(paths)
        numbers = np.full(len(files), np.nan)

        def run(batch: np.ndarray, rows: list[int]) -> None:
            outputs = predict_batch(self.model, batch, test_time_augmentation)[:, 0]
            if not np.isfinite(outputs).all():
                raise ValueError(
                    "The model's output is not finite: its training has diverged. Train again "
                    "with a lower learning rate."
                )
            numbers[rows] = outputs

        errors = self.run_files(files, batch_size, run)
        return with_errors(pd.DataFrame({"filename": files, "predicted": numbers}), errors)

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
            The card, which is now the regressor's: `save` writes it to `README.md`.
        """
        self.card = predictor_card(
            f"A regressor of images: {self.target}",
            f"It gives each image a number, its {self.target}.",
            self.images.as_json(),
            evaluations,
            images,
            made,
            self.versions,
        )
        return self.card

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Save the regressor as one folder, atomically; `load_predictor` loads it.

        Args:
            folder: The target folder. An existing regressor is replaced.

        Returns:
            The folder.

        Raises:
            FileExistsError: When the folder exists and holds something else.
            ValueError: When the model has a layer that cannot be stored.
            OSError: When the folder cannot be written or the disk is full.
        """
        return self.write(folder, REGRESSOR, {"target": self.target})

    def _facts(self) -> dict[str, str]:
        return {"target": self.target}
