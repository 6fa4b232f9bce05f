"""Baselines without a network.

A classifier that does not beat them has learned nothing; and if they come close, the task is easy
or test images are also in the training set.
"""

from __future__ import annotations

import cv2
import numpy as np
import pandas as pd

from ..images.datasets.array_files import index_column, open_array_file
from ..images.decoding.reading import read_image
from ..images.threads import default_workers, parallel_for
from .prediction_table import prediction_table


def majority_baseline(train: pd.DataFrame, test: pd.DataFrame) -> pd.DataFrame:
    """Predict the most frequent class of the training images for every image.

    Args:
        train: The training images, with the columns `filename` and `class`.
        test: The images to predict, with the same columns.

    Returns:
        A table as returned by `predict_flow`, ready for `Evaluation`; the probabilities are the
        shares of the classes in training.

    Raises:
        ValueError: If a table lacks a column or `train` is empty.

    Example:
        >>> train = pd.DataFrame({"filename": list("abc"), "class": ["cat", "cat", "dog"]})
        >>> test = pd.DataFrame({"filename": ["d"], "class": ["dog"]})
        >>> majority_baseline(train, test)["predicted"].tolist()
        ['cat']
    """
    files, true, names = _checked(train, test)
    shares = train["class"].value_counts(normalize=True).reindex(names, fill_value=0)
    return prediction_table(files, true, np.tile(shares.to_numpy(), (len(files), 1)), names)


def nearest_neighbour_baseline(
    train: pd.DataFrame, test: pd.DataFrame, size: int = 16, neighbours: int = 1
) -> pd.DataFrame:
    """Predict the class of the most similar training image for every image.

    Images are compared by their colors at `size` × `size` pixels. A high accuracy means that
    the task is easy, or that test images are also among the training images.

    Args:
        train: The training images, with the columns `filename` and `class`, and the column of
            indices from `array_file_table` if many images are in one file.
        test: The images to predict, with the same columns.
        size: Height and width at which images are compared, in pixels.
        neighbours: The number of most similar images that vote.

    Returns:
        A table as returned by `predict_flow`, ready for `Evaluation`; the probabilities are the
        shares of the votes.

    Raises:
        ValueError: If a table lacks a column, or `train` has fewer than `neighbours` rows.
        FileNotFoundError: If an image file is missing.

    Example:
        >>> for value in (0, 255):
        ...     _ = cv2.imwrite(f"{value}.png", np.full((20, 30, 3), value, "uint8"))
        >>> train = pd.DataFrame({"filename": ["0.png", "255.png"], "class": ["dark", "light"]})
        >>> nearest_neighbour_baseline(train, train)["predicted"].tolist()
        ['dark', 'light']
    """
    from sklearn.neighbors import KNeighborsClassifier

    files, true, names = _checked(train, test)
    if not 1 <= neighbours <= len(train):
        raise ValueError(
            f"Expected neighbours to be from 1 to {len(train)}, the number of training images. "
            f"Received: {neighbours}."
        )
    numbers = pd.Index(names).get_indexer(pd.Index(train["class"]))
    classifier = KNeighborsClassifier(n_neighbors=neighbours, algorithm="brute")
    classifier.fit(_small_pixels(train, size), numbers)
    votes = np.zeros((len(files), len(names)))
    votes[:, classifier.classes_] = classifier.predict_proba(_small_pixels(test, size))
    return prediction_table(files, true, votes, names)


def _checked(train: pd.DataFrame, test: pd.DataFrame) -> tuple[list[str], list[str], list[str]]:
    for name, table in (("train", train), ("test", test)):
        missing = {"filename", "class"} - set(table)
        if missing or table.empty:
            raise ValueError(
                f"Expected {name} to have the columns filename and class and at least one row, as "
                f"list_images returns them. Received: the columns {list(table)} and {len(table)} "
                "rows."
            )
    names = sorted({str(name) for table in (train, test) for name in table["class"]})
    return list(test["filename"]), [str(name) for name in test["class"]], names


def _small_pixels(table: pd.DataFrame, size: int) -> np.ndarray:
    """Return every image resized to `size` × `size` RGB, shape (images, size * size * 3)."""
    files = table["filename"].tolist()
    column = index_column(table)
    rows = None if column is None else table[column].tolist()
    pixels = np.empty((len(files), size, size, 3), "float32")

    def resize(number: int) -> None:
        file = files[number]
        image = (
            read_image(file) if rows is None else np.asarray(open_array_file(file)[rows[number]])
        )
        image = cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)
        pixels[number] = image.reshape(size, size, -1)

    parallel_for(resize, len(files), default_workers())
    return pixels.reshape(len(files), -1)
