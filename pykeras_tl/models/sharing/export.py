"""Writes a classifier for another runtime, and compares what that runtime predicts."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import cv2
import keras
import numpy as np

from ...storage.atomic_files import atomic_directory, atomic_file
from ..inference import as_probabilities, predict_batch
from .exportable import from_pixels
from .formats import FORMATS, ExportFormat

_logger = logging.getLogger(__name__)
_TOLERANCE = 1e-4
_COLOR = re.compile("\x1b\\[[0-9;]*m")


class HasModel(Protocol):
    """What is exported of a `Classifier`."""

    model: keras.Model
    class_names: list[str]
    versions: dict[str, str]
    images: Any


def export_classifier(
    classifier: HasModel,
    path: str | os.PathLike[str],
    format: str,
    files: Sequence[str] | None = None,
) -> Path:
    """Export a classifier, if its runtime then predicts the same.

    Args:
        classifier: The classifier.
        path: The file, or the folder for `"saved_model"`. It must not exist.
        format: `"onnx"`, `"litert"` or `"saved_model"`.
        files: Images to compare on; random ones by default.

    Returns:
        The path.

    Raises:
        As `export_model`, and `BadImageError` for a file that cannot be read.
    """
    check_export(path, format)
    images, names = classifier.images, classifier.class_names
    pixels = (
        sample_images(images.shape)
        if files is None
        else np.stack([images.read_pixels(file) for file in files])
    )
    inputs = np.stack([images.standardize(each) for each in pixels])
    expected = as_probabilities(predict_batch(classifier.model, inputs), len(names))
    description = {
        "class_names": names,
        "preprocess": images.as_json(),
        "versions": classifier.versions,
    }
    return export_model(
        classifier.model, path, format, images.standardization, description, pixels, expected
    )


def export_model(
    model: keras.Model,
    path: str | os.PathLike[str],
    format: str,
    standardization: Mapping[str, Any],
    description: Mapping[str, Any],
    images: np.ndarray,
    expected: np.ndarray,
) -> Path:
    """Export a classifier's model, if its runtime then predicts the same.

    Args:
        model: The classifier's model.
        path: The file, or the folder for `"saved_model"`. It must not exist.
        format: `"onnx"`, `"litert"` or `"saved_model"`.
        standardization: The settings, as in `PreprocessConfig`; they become part of the model.
        description: What the file says about itself, such as the class names.
        images: Images to compare on, float32 of shape (images, height, width, channels), before
            the standardization.
        expected: Their probabilities, shape (images, classes).

    Returns:
        The path.

    Raises:
        ValueError: If the format is unknown, or the path has not its suffix.
        FileExistsError: If the path exists.
        ModuleNotFoundError: If a package for the format is missing.
        RuntimeError: If the model cannot be converted, or the runtime predicts something else.
            Nothing is left at `path` then.
    """
    chosen, target = check_export(path, format)
    ready = from_pixels(model, images.shape[1:], standardization)
    make = atomic_file if chosen.suffix else atomic_directory
    with make(target) as temporary:
        try:
            chosen.write(ready, temporary)
            chosen.describe(temporary, description)
            received = chosen.run(temporary, images)
        # Converters and runtimes raise errors of any kind.
        except Exception as error:
            raise RuntimeError(
                f"Expected a model that can be exported to {format}. Received: "
                f"{type(error).__name__}: {_short(error)}. Choose another format of "
                f"{', '.join(FORMATS)}."
            ) from error
        difference = _compare(expected, received, format)
        if target.exists():
            raise FileExistsError(_exists(target))
    _logger.info(
        "%s predicts the same on %d images; the largest difference is %.1g.",
        target, len(images), difference,
    )  # fmt: skip
    return target


def check_export(path: str | os.PathLike[str], format: str) -> tuple[ExportFormat, Path]:
    """Check where and how a classifier is exported, before anything slow.

    Args:
        path: The file or folder.
        format: The name of the format.

    Returns:
        The format, and the path.

    Raises:
        ValueError: If the format is unknown, or the path has not its suffix.
        FileExistsError: If the path exists.
        ModuleNotFoundError: If a package for the format is missing.

    Example:
        >>> check_export("cells.pb", "onnx")
        Traceback (most recent call last):
            ...
        ValueError: Expected a path that ends in .onnx. Received: cells.pb.
    """
    if format not in FORMATS:
        raise ValueError(
            f"Expected a format out of {', '.join(map(repr, FORMATS))}. Received: {format!r}."
        )
    chosen, target = FORMATS[format], Path(path).expanduser()
    if chosen.suffix and target.suffix != chosen.suffix:
        raise ValueError(f"Expected a path that ends in {chosen.suffix}. Received: {path}.")
    if target.exists():
        raise FileExistsError(_exists(target))
    chosen.require()
    return chosen, target


def sample_images(shape: Sequence[int]) -> np.ndarray:
    """Make images to compare two forms of a model on where no others are given.

    Args:
        shape: Height, width and channels.

    Returns:
        float32 array of shape (16, height, width, channels), from 0 to 255: random structures
        from the size of a pixel to that of the image, in different contrasts.

    Example:
        >>> sample_images((20, 30, 3)).shape
        (16, 20, 30, 3)
    """
    random = np.random.default_rng(0)
    height, width, channels = shape
    images = []
    for number in range(16):
        cells = (max(2, height >> number % 6), max(2, width >> number % 6))
        noise = random.random((*cells, channels), "float32")
        image = cv2.resize(noise, (width, height), interpolation=cv2.INTER_LINEAR)
        low, high = sorted(random.random(2))
        images.append(low + (high - low) * image.reshape(shape))
    return (255 * np.stack(images)).astype("float32")


def _compare(expected: np.ndarray, received: np.ndarray, format: str) -> float:
    """Return the largest difference, or raise an error where it matters."""
    if received.shape != expected.shape:
        raise RuntimeError(
            f"Expected probabilities of shape {expected.shape} from {format}. Received: "
            f"{received.shape}. Nothing was written."
        )
    differences = np.abs(expected - received).max(axis=1)
    top = np.sort(expected, axis=1)
    tied = top[:, -1] - top[:, -2] <= 2 * _TOLERANCE
    same = (expected.argmax(axis=1) == received.argmax(axis=1)) | tied
    # Written so that NaN fails.
    right = (differences <= _TOLERANCE) & same
    if not right.all():
        raise RuntimeError(
            f"Expected the classifier's probabilities from {format}, within {_TOLERANCE}. "
            f"Received: others for {int((~right).sum())} of {len(right)} images, by up to "
            f"{differences.max():.2g}. Nothing was written. Choose another format of "
            f"{', '.join(FORMATS)}."
        )
    return float(differences.max())


def _exists(target: Path) -> str:
    return f"{target} already exists. Choose another name."


def _short(error: Exception) -> str:
    """Return the beginning of a message, which Keras colors and spreads over several lines."""
    return " ".join(_COLOR.sub("", str(error)).split())[:300].rstrip(".")
