"""Flows over a folder that holds one folder for each class."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from itertools import compress
from pathlib import Path

import numpy as np

from ..datasets.folders import class_folders, existing_folder, images_under
from ..transforms.augmenter import Augmenter
from .file_iterator import FileIterator, announce, find_bad_files, subset_fractions
from .options import ImageOptions

_CLASS_MODES = ("categorical", "binary", "sparse", "input", None)


class DirectoryIterator(FileIterator):
    """Batches of the images in a folder; `ImageDataGenerator.flow_from_directory` makes it.

    Args:
        directory: The folder.
        image_data_generator: The settings; None for none.
        target_size: Height and width that all images are resized to.
        color_mode: "rgb", "rgba" or "grayscale".
        classes: Names of the class folders in the order wanted; all of them when absent.
        class_mode: "categorical", "sparse", "binary", "input", or None.
        batch_size: Images in a batch.
        shuffle: Whether to mix the images anew for each epoch.
        seed: Makes order and augmentation repeatable.
        data_format: "channels_last" or "channels_first"; Keras's setting when absent.
        save_to_dir: Folder where the images of each batch are saved.
        save_prefix: Start of the names there.
        save_format: Format of the files there.
        follow_links: Whether to enter folders in class folders that are links.
        subset: "training" or "validation".
        interpolation: How to resize, as in `read_image`.
        keep_aspect_ratio: Whether to cut images to shape before they are resized.
        dtype: Type of the batches; Keras's `floatx` when absent.
        check: "all" decodes every file now.
        on_bad: "raise" an error for a bad file, or "skip" to set all of them aside now.
        workers: Threads to compute with; as many as there are processors when absent.
        cache: Whether to keep decoded images for later epochs.

    Raises:
        FileNotFoundError: When the folder does not exist.
        ValueError: When it holds no class folder or no image, or an argument is unknown.
        BadImageError: When a file cannot be read and is not to be skipped.

    Source:
        `keras.src.legacy.preprocessing.image.DirectoryIterator`. As there, a folder named in
        `classes` that does not exist counts as one without images; here with a warning.
        Unlike there, a folder with no image at all is an error.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        image_data_generator: Augmenter | None,
        target_size: Sequence[int] = (256, 256),
        color_mode: str = "rgb",
        classes: Sequence[str] | None = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        data_format: str | None = None,
        save_to_dir: str | os.PathLike[str] | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        follow_links: bool = False,
        subset: str | None = None,
        interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
        dtype: str | None = None,
        check: str | None = None,
        on_bad: str = "raise",
        workers: int | None = None,
        cache: bool = True,
    ) -> None:
        options = ImageOptions(
            target_size=target_size,
            color_mode=color_mode,
            interpolation=interpolation,
            keep_aspect_ratio=keep_aspect_ratio,
            data_format=data_format,
            dtype=dtype,
            save_to_dir=save_to_dir,
            save_prefix=save_prefix,
            save_format=save_format,
            subset=subset,
            check=check,
            on_bad=on_bad,
            cache=cache,
        )
        fractions = subset_fractions(subset, image_data_generator)
        if class_mode not in _CLASS_MODES:
            raise ValueError(f"Invalid class_mode: {class_mode}; expected one of: {_CLASS_MODES}")
        root = existing_folder(directory)
        names = list(classes) if classes else class_folders(root)
        filenames, numbers = _list_files(root, names, fractions, follow_links)
        announce(f"Found {len(filenames)} images belonging to {len(names)} classes.")
        if not filenames:
            part = f" in the {subset} subset" if subset else ""
            raise ValueError(
                f"No image{part} in the class folders {names} of {root}. Expected files that "
                "end in png, jpg, jpeg, bmp, ppm, tif or tiff."
            )
        folder = os.fspath(directory)
        paths = [os.path.join(folder, name) for name in filenames]  # noqa: PTH118
        keep, bad_files = find_bad_files(paths, options, workers)
        super().__init__(
            list(compress(filenames, keep)),
            folder,
            image_data_generator,
            options,
            bad_files,
            batch_size,
            shuffle,
            seed,
            workers,
        )
        self.class_mode = class_mode
        self.num_classes = len(names)
        self.class_indices = {name: number for number, name in enumerate(names)}
        self.classes = numbers[keep]


def _list_files(
    root: Path, names: Sequence[str], fractions: tuple[float, float] | None, follow_links: bool
) -> tuple[list[str], np.ndarray]:
    """List the images of each class, and the class number of each."""
    filenames: list[str] = []
    counts = []
    for name in names:
        if not (root / name).is_dir():
            warnings.warn(f"There is no class folder {name!r} in {root}.", stacklevel=4)
        found = list(images_under(root / name, follow_links)) if (root / name).is_dir() else []
        if fractions:
            start, stop = (int(share * len(found)) for share in fractions)
            found = found[start:stop]
        filenames += [os.path.relpath(path, root) for path in found]
        counts.append(len(found))
    if any(name.lower().endswith(".tiff") for name in filenames):
        warnings.warn(
            'Using ".tiff" files with multiple bands will cause distortion. '
            "Please verify your output.",
            stacklevel=4,
        )
    return filenames, np.repeat(np.arange(len(names)), counts).astype("int32")
