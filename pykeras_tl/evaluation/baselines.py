"""What needs no network: every real classifier must do better than these."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pandas as pd

from ..images.datasets.array_files import index_column, open_array_file
from ..images.decoding.reading import read_image
from ..images.threads import default_workers
from .prediction_table import prediction_table


def majority_baseline(train: pd.DataFrame, test: pd.DataFrame) -> pd.DataFrame:
    """Predict for every image the class that is most frequent in training.

    Args:
        train: The training images, with the columns `filename` and `class`.
        test: The images to predict, with the same columns.

    Returns:
        A table as `predict_flow` gives it; the probabilities are the classes' shares in
        training. `Evaluation` measures it.

    Raises:
        ValueError: When a table lacks a column or `train` is empty.

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
    """Predict for every image the class of the most similar training image.

    Images are compared by their colours at `size` × `size` pixels. A high accuracy says
    that the task is easy, or that images of the test set stand in training too.

    Args:
        train: The training images, with the columns `filename` and `class`; and `row`, where
            many stand in one file, as `array_file_table` gives it.
        test: The images to predict, with the same columns.
        size: Height and width at which images are compared, in pixels.
        neighbours: How many of the most similar images vote.

    Returns:
        A table as `predict_flow` gives it; the probabilities are the shares of the votes.
        `Evaluation` measures it.

    Raises:
        ValueError: When a table lacks a column, or `train` has fewer than `neighbours` rows.
        FileNotFoundError: When an image is gone.

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
        raise ValueError(f"neighbours is 1 to {len(train)} (training images); got {neighbours}.")
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
                f"{name} needs the columns filename and class and at least one row, as "
                f"list_images gives them; got the columns {list(table)} and {len(table)} rows."
            )
    names = sorted({str(name) for table in (train, test) for name in table["class"]})
    return list(test["filename"]), [str(name) for name in test["class"]], names


def _small_pixels(table: pd.DataFrame, size: int) -> np.ndarray:
    def small(place: tuple[str, int]) -> np.ndarray:
        file, row = place
        image = read_image(file) if row < 0 else np.asarray(open_array_file(file)[row])
        image = cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)
        return np.broadcast_to(image.reshape(size, size, -1), (size, size, 3)).reshape(-1)

    column = index_column(table)
    rows = table[column] if column else [-1] * len(table)
    places = zip(table["filename"], rows)
    with ThreadPoolExecutor(default_workers()) as threads:
        return np.stack(list(threads.map(small, places))).astype("float32")
