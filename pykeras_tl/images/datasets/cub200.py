"""CUB-200: a folder of images with text files that list classes and splits."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd

from .directory_tree import existing_folder

_LISTS = ("images.txt", "image_class_labels.txt", "classes.txt", "train_test_split.txt")


def read_cub200(directory: str | os.PathLike[str]) -> pd.DataFrame:
    """List the images of CUB-200, with its authors' split.

    Args:
        directory: Folder with `images`, `images.txt`, `classes.txt`,
            `image_class_labels.txt` and `train_test_split.txt`.

    Returns:
        A table with `filename`, `class` and `split`, which is "train" or "test".

    Raises:
        FileNotFoundError: When the folder or one of the lists is missing.
        ValueError: When the lists name different images.

    Example:
        >>> folder = Path("cub"); folder.mkdir()
        >>> for name, text in {"images": "1 001.Crow/a.jpg", "image_class_labels": "1 1",
        ...                    "classes": "1 001.Crow", "train_test_split": "1 1"}.items():
        ...     _ = (folder / f"{name}.txt").write_text(text)
        >>> read_cub200(folder)[["class", "split"]].values.tolist()
        [['001.Crow', 'train']]

    Source:
        https://www.vision.caltech.edu/datasets/cub_200_2011/
    """
    root = existing_folder(directory)
    missing = [name for name in _LISTS if not (root / name).is_file()]
    if missing:
        raise FileNotFoundError(
            f"Expected {root} to be the folder of CUB-200. Received: one without "
            f"{', '.join(missing)}."
        )
    images, labels, classes, trained = (_read(root / name) for name in _LISTS)
    if not set(images) == set(labels) == set(trained) or set(labels.values()) - set(classes):
        raise ValueError(
            f"Expected {', '.join(_LISTS)} in {root} to list the same images and classes. "
            "Received: different ones. Extract the data set again."
        )
    rows = [
        (
            str(root / "images" / images[number]),
            classes[labels[number]],
            "train" if trained[number] == "1" else "test",
        )
        for number in images
    ]
    return pd.DataFrame(rows, columns=["filename", "class", "split"])


def _read(path: Path) -> dict[str, str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    pairs = [line.partition(" ") for line in lines if line.strip()]
    return {number: value.strip() for number, _, value in pairs}
