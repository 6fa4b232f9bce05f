"""Images, classes and file names of a data set in one HDF5 file."""

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
    """Write images into one HDF5 file.

    The file is written atomically: an interruption leaves no incomplete file.

    Args:
        table: The images: `filename` and `class`, as `list_images` returns them.
        path: The file to write; an existing one is replaced.
        target_size: Height and width in pixels that all images are resized to.
        interpolation: How to resize, as in `read_image`.

    Returns:
        The path. The file has the data sets `images`, uint8 of shape (images, height, width, 3)
        with a chunk for each image; `labels`, int64 of shape (images,); `names`, the file
        names; and `classes`, the class names.

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
        raise ValueError("Expected a table of images. Received: a table without rows.")
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
    """List the images in a file that `write_hdf5` wrote.

    Args:
        path: The file.

    Returns:
        A table with `filename` (the HDF5 file), `class`, `index`, and `name` (the image's file
        name), for `ImageDataGenerator.flow_from_array_files`.

    Raises:
        FileNotFoundError: When the file does not exist.
        ValueError: When it is not such a file, or its data sets contradict each other.

    Example:
        >>> from ..decoding.conversion import save_img
        >>> save_img("cat.png", np.zeros((8, 8, 3)))
        >>> table = pd.DataFrame({"filename": ["cat.png"], "class": ["cat"]})
        >>> read_hdf5(write_hdf5(table, "cats.h5", (4, 4)))[["class", "index"]].values.tolist()
        [['cat', 0]]
    """
    import h5py

    file = Path(path).expanduser().absolute()
    if not file.is_file():
        raise FileNotFoundError(f"There is no file {file}.")
    try:
        with h5py.File(file, "r") as opened:
            missing = [key for key in ("images", "labels", "names", "classes") if key not in opened]
            if missing:
                raise ValueError(
                    f"Expected a file from write_hdf5. Received: {file} without the data sets "
                    f"{', '.join(missing)}."
                )
            images = len(opened["images"])
            labels = np.asarray(opened["labels"])
            names = list(opened["names"].asstr())
            classes = list(opened["classes"].asstr())
    except (OSError, TypeError) as error:
        raise ValueError(f"{file} is not an HDF5 file of images: {error}") from error
    if not len(names) == images == len(labels) or not np.isin(labels, range(len(classes))).all():
        raise ValueError(
            f"Expected as many labels and names as images in {file}, and labels below the number "
            f"of classes. Received: {images} images, {len(labels)} labels, {len(names)} names and "
            f"{len(classes)} classes."
        )
    return array_file_table(file, [classes[label] for label in labels]).assign(name=names)
