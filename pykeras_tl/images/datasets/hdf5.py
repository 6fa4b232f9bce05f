"""A data set in one HDF5 file: images of one size, their classes and their names."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd

from ...storage.atomic_files import atomic_file
from ..decoding.reading import read_image
from .array_files import array_file_table


def write_hdf5(
    table: pd.DataFrame,
    path: str | os.PathLike[str],
    target_size: tuple[int, int],
    interpolation: str = "nearest",
) -> Path:
    """Write images into one HDF5 file, one after another.

    The file is complete or not there: what an interruption leaves is no file of that name.

    Args:
        table: The images: `filename` and `class`, as `list_images` returns them.
        path: The file to write; one that is there is replaced.
        target_size: Height and width that all images are resized to.
        interpolation: How to resize, as in `read_image`.

    Returns:
        The path. The file holds `images` (images, height, width, 3) in uint8, a chunk for each
        image, `labels`, `names` and `classes`.

    Raises:
        ValueError: When the table is empty.
        BadImageError: When an image cannot be read.
        OSError: When the file cannot be written.

    Example:
        >>> from ..decoding.conversion import save_img
        >>> save_img("cat.png", np.zeros((8, 8, 3)))
        >>> table = pd.DataFrame({"filename": ["cat.png"], "class": ["cat"]})
        >>> read_hdf5(write_hdf5(table, "cats.h5", (4, 4)))["name"].tolist()
        ['cat.png']
    """
    import h5py

    if table.empty:
        raise ValueError("The table lists no images to write.")
    classes = sorted(table["class"].unique())
    shape = (len(table), *target_size, 3)
    text = h5py.string_dtype("utf-8")
    with atomic_file(path) as temporary, h5py.File(temporary, "w") as file:
        images = file.create_dataset("images", shape, "uint8", chunks=(1, *shape[1:]))
        for row, name in enumerate(table["filename"]):
            images[row] = read_image(name, "rgb", target_size, interpolation)
        labels = pd.Index(classes).get_indexer(pd.Index(table["class"]))
        file.create_dataset("labels", data=labels.astype("int64"))
        names = [Path(name).name for name in table["filename"]]
        file.create_dataset("names", data=names, dtype=text)
        file.create_dataset("classes", data=classes, dtype=text)
    return Path(path)


def read_hdf5(path: str | os.PathLike[str]) -> pd.DataFrame:
    """List the images of a file that `write_hdf5` wrote.

    Args:
        path: The file.

    Returns:
        A table with `filename` (the file), `class`, `row`, and `name`, the image's own. A
        `ArrayFileIterator` makes batches of it, and reads from the file what a batch needs.

    Raises:
        FileNotFoundError: When there is no such file.
        ValueError: When it is no such file, or its parts do not fit together.
    """
    import h5py

    file = Path(path).expanduser().absolute()
    if not file.is_file():
        raise FileNotFoundError(f"There is no file {file}.")
    try:
        with h5py.File(file, "r") as opened:
            missing = [key for key in ("images", "labels", "names", "classes") if key not in opened]
            if missing:
                raise ValueError(f"{file} has no {', '.join(missing)}; write_hdf5 writes them.")
            images = len(opened["images"])
            labels = np.asarray(opened["labels"])
            names = list(opened["names"].asstr())
            classes = list(opened["classes"].asstr())
    except (OSError, TypeError) as error:
        raise ValueError(f"{file} is no HDF5 file of images: {error}") from error
    if not len(names) == images == len(labels) or not np.isin(labels, range(len(classes))).all():
        raise ValueError(
            f"{file} has {images} images, {len(labels)} labels and {len(names)} names of "
            f"{len(classes)} classes, which do not fit together."
        )
    return array_file_table(file, [classes[label] for label in labels]).assign(name=names)
