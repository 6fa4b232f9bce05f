"""A trained classifier: a model and all that it takes to use it, in one folder."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from ...images.datasets.folders import images_under
from ...images.iterators.base import Iterator
from ...images.threads import default_workers, parallel_for
from ...storage.atomic_files import atomic_directory, recover_directory
from ...versions import package_versions
from ..inference import as_probabilities
from .architecture import build_architecture, write_architecture
from .classifier_folder import (
    CONFIG,
    FORMAT,
    FORMAT_VERSION,
    check_replaceable,
    inside,
    read_config,
    read_text,
)
from .preprocess_config import PreprocessConfig
from .weight_files import check_weights_file, load_weights

_MODEL, _WEIGHTS = "model.json", "model.weights.h5"

Paths = str | os.PathLike[str] | Iterable[str | os.PathLike[str]] | pd.DataFrame


@dataclass
class Classifier:
    """A trained model with its class names and the way its images are prepared.

    Attributes:
        model: The model; one probability a class, or one unit for two classes.
        class_names: Names of the classes, in the order of the model's outputs.
        images: How a file becomes the model's input.
        metrics: What was measured, by name; anything that JSON has.
        versions: The packages it was made with.

    Raises:
        ValueError: When the names do not fit the model's outputs, or the images its input.

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
    versions: dict[str, str] = field(default_factory=package_versions)

    def __post_init__(self) -> None:
        self.class_names = list(self.class_names)
        _check_names(self.class_names)
        outputs = tuple(self.model.output_shape)
        units = 1 if len(self.class_names) == 2 and outputs[-1] == 1 else len(self.class_names)
        if len(outputs) != 2 or outputs[-1] != units:
            raise ValueError(
                f"{len(self.class_names)} class names for a model with outputs of shape {outputs}"
            )
        wanted = tuple(self.model.input_shape)[1:]
        fits = len(wanted) == 3 and all(
            have == want or want is None for have, want in zip(self.images.shape, wanted)
        )
        if not fits:
            raise ValueError(
                f"the model takes images of shape {wanted}, and these have shape "
                f"{self.images.shape}"
            )

    @classmethod
    def from_flow(
        cls, model: keras.Model, flow: Iterator, metrics: Mapping[str, Any] | None = None
    ) -> Classifier:
        """Make a classifier of a model and the flow that it was trained on.

        Args:
            model: The trained model.
            flow: A flow over files: its class names, size, colours and standardization are kept,
                its augmentation is not.
            metrics: What was measured, by name.

        Returns:
            The classifier.

        Raises:
            TypeError: When the flow is not over files.
            ValueError: When the flow prepares images in a way that cannot be stored, such as by
                a `preprocessing_function`, or does not fit the model.
        """
        images = PreprocessConfig.of_flow(flow)
        names = [str(name) for name in flow.class_names or ()]
        return cls(model, names, images, dict(metrics or {}))

    @property
    def target_size(self) -> tuple[int, int]:
        """Height and width that images are resized to."""
        return self.images.target_size

    @property
    def color_mode(self) -> str:
        """Colours that images are read in."""
        return self.images.color_mode

    @property
    def standardization(self) -> dict[str, Any]:
        """What is done to the pixels before the model sees them."""
        return dict(self.images.standardization)

    def predict(self, paths: Paths, batch_size: int = 32) -> pd.DataFrame:
        """Tell the classes of images.

        Args:
            paths: A file; a folder, with all images in it and below it; several of these; or a
                table with a column `filename`.
            batch_size: Images that are read and predicted at a time.

        Returns:
            One row per image, in the order given: `filename`, `predicted` (the most probable
            class) and one column of probabilities per class.

        Raises:
            FileNotFoundError: When a file or folder does not exist.
            ValueError: When there is no image, or a file is none that can be read.
        """
        if batch_size < 1:
            raise ValueError(f"batch_size is a whole number from 1; received {batch_size}")
        files = _files(paths)
        parts = [
            self._probabilities(files[start : start + batch_size])
            for start in range(0, len(files), batch_size)
        ]
        probabilities = np.concatenate(parts)
        best = [self.class_names[place] for place in probabilities.argmax(axis=1)]
        table = pd.DataFrame({"filename": files, "predicted": best})
        columns = pd.DataFrame(probabilities, columns=self.class_names)
        return pd.concat([table, columns], axis=1)

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Save the classifier as one folder, whole or not at all.

        Args:
            folder: Where to. A classifier that is there is replaced.

        Returns:
            The folder.

        Raises:
            FileExistsError: When the folder holds something else.
            ValueError: When the model has a layer that cannot be stored.
            OSError: When the folder cannot be written or the disk is full.
        """
        target = Path(folder).expanduser().absolute()
        check_replaceable(target)
        architecture = write_architecture(self.model)
        config = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "class_names": self.class_names,
            "images": self.images.as_json(),
            "metrics": self.metrics,
            "versions": self.versions,
        }
        described = json.dumps(config, indent=2, ensure_ascii=False, default=_plain)
        with atomic_directory(target) as temporary:
            (temporary / CONFIG).write_text(described, "utf-8")
            (temporary / _MODEL).write_text(architecture, "utf-8")
            self.model.save_weights(temporary / _WEIGHTS)
        return target

    def _probabilities(self, files: Sequence[str]) -> np.ndarray:
        batch = np.empty((len(files), *self.images.shape), "float32")

        def read(number: int) -> None:
            batch[number] = self.images.read(files[number])

        parallel_for(read, len(files), default_workers())
        return as_probabilities(self.model.predict_on_batch(batch), len(self.class_names))


def load_classifier(folder: str | os.PathLike[str]) -> Classifier:
    """Load a classifier from the folder that `Classifier.save` wrote.

    Nothing of the folder is run: the architecture may only have known layers, weights are arrays,
    and their sizes are checked before memory is taken.

    Args:
        folder: The folder.

    Returns:
        The classifier, ready to predict; its model is not compiled.

    Raises:
        FileNotFoundError: When the folder or one of its files does not exist.
        ValueError: When a file is damaged, of another kind or unsafe; says which and why.

    Example:
        >>> import tempfile
        >>> model = keras.Sequential(
        ...     [keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(2, "softmax")])
        >>> where = tempfile.mkdtemp() + "/pets"
        >>> _ = Classifier(model, ["cat", "dog"], PreprocessConfig((8, 8))).save(where)
        >>> load_classifier(where).class_names
        ['cat', 'dog']
    """
    place = recover_directory(Path(folder).expanduser().absolute())
    if not place.is_dir():
        raise FileNotFoundError(f"there is no classifier folder {place}")
    config = read_config(place)
    weights = inside(place, _WEIGHTS)
    try:
        model = build_architecture(read_text(place, _MODEL), check_weights_file(weights))
        load_weights(model, weights)
        return Classifier(
            model,
            _list_of_names(config),
            PreprocessConfig(**config["images"]),
            dict(config["metrics"]),
            dict(config["versions"]),
        )
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise ValueError(f"{place} is no sound classifier: {error}") from error


def _files(paths: Paths) -> list[str]:
    if isinstance(paths, pd.DataFrame):
        if "filename" not in paths:
            raise ValueError(
                f"Expected a table with a column filename. Received: the columns {list(paths)}."
            )
        paths = paths["filename"].tolist()
    elif isinstance(paths, (str, os.PathLike)):
        paths = [paths]
    files: list[str] = []
    for path in paths:
        place = Path(path).expanduser()
        if place.is_dir():
            files += images_under(place)
        elif place.exists():
            files.append(os.fspath(place))
        else:
            raise FileNotFoundError(f"there is no file or folder {place}")
    if not files:
        raise ValueError("there is no image among the files and folders given")
    return files


def _list_of_names(config: Mapping[str, Any]) -> list[str]:
    names = config["class_names"]
    if not isinstance(names, list):
        raise ValueError(f"class_names is a list of names, not {type(names).__name__}")
    return names


def _check_names(names: Sequence[str]) -> None:
    if not all(isinstance(name, str) and name for name in names):
        raise ValueError(f"class names are texts that are not empty; received {list(names)[:5]}")
    if len(names) < 2 or len(set(names)) != len(names):
        raise ValueError(f"a classifier has two classes or more, each once; received {names[:10]}")


def _plain(value: Any) -> Any:
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    raise TypeError(f"metrics hold numbers, texts and lists of them, not {type(value).__name__}")
