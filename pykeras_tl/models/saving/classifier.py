"""A trained classifier saved as one folder: the model, its class names and its preprocessing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from ...images.datasets.directory_tree import Paths, image_files
from ...images.decoding.content_hash import hashes_of_local_files
from ...images.iterators.base import Iterator
from ...storage.atomic_files import recover_directory
from ...versions import training_versions
from ...visualization.rich_display import list_names
from ..inference import as_probabilities, predict_batch
from ..sharing.export import export_classifier
from ..sharing.model_card import Evaluations, model_card
from ..uncertainty.columns import uncertainty_columns
from ..uncertainty.features import FeatureExtractor
from ..uncertainty.novelty import NoveltyDetector
from ..uncertainty.prediction_sets import PredictionSets
from .classifier_folder import (
    CLASSIFIER,
    MULTI_LABEL,
    REGRESSOR,
    check_class_names,
    check_replaceable,
    class_names_in,
    read_config,
    read_uncertainty,
    write_uncertainty,
)
from .image_predictor import ImagePredictor, read_parts, with_errors
from .multi_label import MultiLabelClassifier
from .preprocess_config import PreprocessConfig
from .regressor import Regressor
from .weight_files import as_sentence


@dataclass(repr=False)
class Classifier(ImagePredictor):
    """A trained model with its class names and the preprocessing of its images.

    Attributes:
        model: The model, with one output per class, or one sigmoid unit for two classes.
        class_names: Names of the classes, in the order of the model's outputs.
        images: How a file becomes the model's input.
        metrics: Results by name, in types that JSON can represent.
        versions: Versions of the packages that the model was trained with.
        prediction_sets: Sets of classes of a promised coverage, or None.
        novelty: What tells that an image is none of the classes, or None.
        card: The model card, the `README.md` of its folder; "" for none.
        trained_on: The content hashes of the files that the model was trained on, of which
            `evaluate_classifier` warns; empty if they are not known.

    Raises:
        ValueError: When the class names do not fit the model's outputs, or the preprocessed
            images do not fit its input.

    Example:
        >>> model = keras.Sequential(
        ...     [keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(2, "softmax")])
        >>> classifier = Classifier(model, ["cat", "dog"], PreprocessConfig((8, 8)))
        >>> classifier.target_size
        (8, 8)
    """

    model: keras.Model
    class_names: list[str]
    images: PreprocessConfig
    metrics: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=training_versions)
    prediction_sets: PredictionSets | None = None
    novelty: NoveltyDetector | None = None
    card: str = ""
    trained_on: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        self.class_names = list(self.class_names)
        check_class_names(self.class_names)
        outputs = tuple(self.model.output_shape)
        units = 1 if len(self.class_names) == 2 and outputs[-1] == 1 else len(self.class_names)
        if len(outputs) != 2 or outputs[-1] != units:
            raise ValueError(
                "Expected one class name per output of the model. Received: "
                f"{len(self.class_names)} class names for a model with outputs of shape {outputs}."
            )
        self.check_input()
        if self.novelty is not None and self.novelty.size != self.extractor.size:
            raise ValueError(
                f"Expected a novelty detector of the model's {self.extractor.size} features. "
                f"Received: one of {self.novelty.size} features."
            )

    @classmethod
    def from_flow(
        cls, model: keras.Model, flow: Iterator, metrics: Mapping[str, Any] | None = None
    ) -> Classifier:
        """Create a classifier from a model and the iterator that it was trained on.

        Args:
            model: The trained model.
            flow: An iterator over files. Its class names, image size, color mode and
                standardization are kept, and hashes of its files if these are on this machine;
                its augmentation is not.
            metrics: Results by name.

        Returns:
            The classifier.

        Raises:
            TypeError: When the iterator does not read files.
            ValueError: When its preprocessing cannot be stored, such as a
                `preprocessing_function`, or does not fit the model.
        """
        images = PreprocessConfig.of_flow(flow)
        names = [str(name) for name in flow.class_names or ()]
        trained_on = frozenset(hashes_of_local_files(flow.sample_names))
        return cls(model, names, images, dict(metrics or {}), trained_on=trained_on)

    @cached_property
    def extractor(self) -> FeatureExtractor:
        """Computes the model's outputs and the features that novelty is measured in."""
        return FeatureExtractor(self.model)

    def _facts(self) -> dict[str, str]:
        return {f"{len(self.class_names)} classes": list_names(self.class_names)}

    def predict(
        self,
        paths: Paths,
        batch_size: int = 32,
        test_time_augmentation: str | None = None,
        coverage: float | None = 0.9,
        by_class: bool = False,
    ) -> pd.DataFrame:
        """Predict the class of each image.

        Args:
            paths: A file; a folder, searched recursively for images; a folder of shards or
                its URL; several of these; or a table with a column `filename`.
            batch_size: Number of images read and predicted at a time.
            test_time_augmentation: None, or views of each image over which probabilities are
                averaged: `"hflip"`, `"flips"` or `"d4"`, as in `predict_flow`.
            coverage: The share of images whose prediction set is to hold their true class,
                between 0 and 1; None leaves the sets out.
            by_class: Whether that is to hold for the images of each class.

        Returns:
            One row per image, in the order given: `filename`, `predicted` (the most probable
            class) and one column of probabilities per class. Between them, where the classifier
            carries what they need: `prediction_set` (classes with " | " between them, the most
            probable one first), `none_of_these` (whether the image is unlike all that were
            trained on) and `novelty` (how unlike: above 1 is none of these). If files cannot be
            read, they have no class and no probabilities, and the last column, `error`, tells why;
            it is "" for the others. Images of 16 bits, and others of which too little is left as
            8-bit colors, are warned of, and so are images that their EXIF orientation turns and
            images in a folder that cannot be read here.

        Raises:
            FileNotFoundError: When a file or folder does not exist.
            BadImageError: When none of the files can be read.
            ValueError: When there is no image.
        """
        files = image_files(paths)
        probabilities = np.full((len(files), len(self.class_names)), np.nan, "float32")
        novelty = None if self.novelty is None else np.full(len(files), np.nan)

        def run(batch: np.ndarray, rows: list[int]) -> None:
            if self.novelty is None or novelty is None:
                outputs = predict_batch(self.model, batch, test_time_augmentation)
            else:
                outputs, features = self.extractor(batch, test_time_augmentation)
                novelty[rows] = self.novelty.scores(features)
            probabilities[rows] = as_probabilities(outputs, len(self.class_names))

        errors = self.run_files(files, batch_size, run)
        best = [
            None if index in errors else self.class_names[row.argmax()]
            for index, row in enumerate(probabilities)
        ]
        table = pd.DataFrame({"filename": files, "predicted": best})
        sets = None if coverage is None else self.prediction_sets
        doubts = uncertainty_columns(
            probabilities, self.class_names, sets, coverage, by_class, novelty
        )
        columns = pd.DataFrame(probabilities, columns=self.class_names)
        return with_errors(pd.concat([table, doubts, columns], axis=1), errors)

    def describe(
        self,
        evaluations: Evaluations,
        images: Mapping[str, pd.DataFrame] | None = None,
        made: Mapping[str, Any] | None = None,
    ) -> str:
        """Write the model card from what was measured.

        Args:
            evaluations: One evaluation, called "test", or several by the name of their images.
            images: Tables about the images it was made from, by caption.
            made: How it was made: settings by name.

        Returns:
            The card, which is now the classifier's: `save` writes it to `README.md`.
        """
        self.card = model_card(
            self.class_names, self.images.as_json(), evaluations, images, made, self.versions
        )
        return self.card

    def save(self, folder: str | os.PathLike[str], evaluations: Evaluations | None = None) -> Path:
        """Save the classifier as one folder, atomically.

        Args:
            folder: The target folder. An existing classifier is replaced.
            evaluations: What `evaluate_classifier` returned, or several such by the name of their
                images; `describe` then writes the model card from it.

        Returns:
            The folder.

        Raises:
            FileExistsError: When the folder exists and is not a classifier.
            ValueError: When the model has a layer that cannot be stored.
            OSError: When the folder cannot be written or the disk is full.
        """
        if evaluations is not None:
            check_replaceable(Path(folder).expanduser().absolute())
            self.describe(evaluations)

        return self.write(
            folder,
            CLASSIFIER,
            {"class_names": self.class_names},
            lambda new: write_uncertainty(new, self.prediction_sets, self.novelty),
        )

    def export(
        self, path: str | os.PathLike[str], format: str = "onnx", images: Paths | None = None
    ) -> Path:
        """Export the classifier for another runtime, which then has to predict the same.

        The exported model takes pixels from 0 to 255, float32 of shape (images, height, width,
        channels), of images that were resized as `preprocess` in its description says. It
        standardizes them and returns one probability per class. The class names and the
        preprocessing are in an ONNX file's metadata, in the files `labels.txt` and
        `classifier.json` that a LiteRT file holds as a ZIP archive, and in
        `assets.extra/classifier.json` of a SavedModel.

        Args:
            path: The file, whose name ends in `.onnx` or `.tflite`, or a folder for
                `"saved_model"`. It must not exist.
            format: `"onnx"`, run by onnxruntime; `"litert"` (TensorFlow Lite), run by
                ai-edge-litert; or `"saved_model"`, run by TensorFlow.
            images: Images to compare on, as `predict` takes them; 16 random ones by default.

        Returns:
            The path.

        Raises:
            FileExistsError: If the path exists.
            ModuleNotFoundError: If a package is missing; `pip install "pykeras-tl[export]"`.
            RuntimeError: If the model cannot be converted, or the runtime predicts another class
                or probabilities that differ by more than 1e-4. Nothing is left at `path` then.
            ValueError: If the format is unknown, or the path has not its suffix.

        Example:
            >>> classifier = load_classifier("cells/classifier")  # doctest: +SKIP
            >>> classifier.export("cells.onnx", images="cells/TEST")  # doctest: +SKIP
            PosixPath('cells.onnx')
        """
        files = None if images is None else image_files(images)
        return export_classifier(self, path, format, files)


def load_classifier(folder: str | os.PathLike[str]) -> Classifier:
    """Load a classifier from the folder that `Classifier.save` wrote.

    Nothing in the folder is run: the architecture may contain only allowed layers, the weights are
    arrays, and their sizes are checked before memory is allocated. Classifiers of earlier versions
    load whatever Python modules their layers were defined in.

    Args:
        folder: The folder.

    Returns:
        The classifier, ready to predict; its model is not compiled.

    Raises:
        FileNotFoundError: When the folder or one of its files does not exist.
        ValueError: When a file is damaged, of another kind or unsafe; the message says which and
            why.

    Example:
        >>> import tempfile
        >>> model = keras.Sequential(
        ...     [keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(2, "softmax")])
        >>> classifier = Classifier(model, ["cat", "dog"], PreprocessConfig((8, 8)))
        >>> saved = classifier.save(tempfile.mkdtemp() + "/pets")
        >>> load_classifier(saved).class_names
        ['cat', 'dog']
    """
    loaded = load_predictor(folder)
    if not isinstance(loaded, Classifier):
        raise ValueError(
            f"Expected a classifier that gives each image one class. Received: {folder}, "
            f"{loaded.kind}. Load it with load_predictor."
        )
    return loaded


def load_predictor(
    folder: str | os.PathLike[str],
) -> Classifier | MultiLabelClassifier | Regressor:
    """Load what was trained, of whatever kind, from the folder that its `save` wrote.

    Args:
        folder: The folder.

    Returns:
        A `Classifier`, a `MultiLabelClassifier` or a `Regressor`, ready to predict.

    Raises:
        FileNotFoundError: When the folder or one of its files does not exist.
        ValueError: When a file is damaged, of another kind or unsafe; the message says which and
            why.

    Example:
        >>> model = keras.Sequential(
        ...     [keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(1)])
        >>> saved = Regressor(model, "age", PreprocessConfig((8, 8))).save("ages")
        >>> load_predictor(saved).target
        'age'
    """
    source = recover_directory(Path(folder).expanduser().absolute())
    if not source.is_dir():
        raise FileNotFoundError(f"Classifier folder {source} does not exist.")
    config = read_config(source)
    try:
        parts = read_parts(source, config)
        if config["format"] == REGRESSOR:
            return Regressor(target=str(config["target"]), **vars(parts))
        names = class_names_in(config)
        if config["format"] == MULTI_LABEL:
            return MultiLabelClassifier(
                class_names=names, thresholds=config["thresholds"], **vars(parts)
            )
        sets, novelty = read_uncertainty(source, config, len(names))
        return Classifier(class_names=names, prediction_sets=sets, novelty=novelty, **vars(parts))
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise ValueError(f"{source} is not a valid classifier. {as_sentence(error)}") from error
