"""Iterator over a folder with one subfolder for each class."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from itertools import compress
from pathlib import Path

import keras
import numpy as np

from ..datasets.directory_tree import class_folders, existing_folder, images_under
from ..datasets.file_names import is_stray_name, readable_extensions
from ..datasets.folders import loose_images, no_class_folder
from ..datasets.split_folders import find_splits
from ..decoding.value_range import DtypeRange
from ..transforms.augmenter import Augmenter
from .file_iterator import FileIterator, find_bad_files, print_message
from .labels import validate_class_mode
from .options import ImageOptions, empty_subset, subset_fractions

_CLASS_MODES = ("categorical", "binary", "sparse", "input", None)


class DirectoryIterator(FileIterator):
    """Batches of the images in a folder, as `ImageDataGenerator.flow_from_directory` returns.

    Args:
        directory: Folder that holds one folder of images for each class.
        image_data_generator: Augmentation and standardization; None for neither.
        target_size: Height and width in pixels that all images are resized to.
        color_mode: "rgb", "rgba" or "grayscale".
        classes: Names of the class folders in the order of their numbers; all of them,
            sorted, when None.
        class_mode: "categorical", "sparse", "binary", "input", or None.
        batch_size: Images in a batch; the last one of an epoch may be smaller.
        shuffle: Whether to shuffle the images for each epoch.
        seed: Makes order and augmentation repeatable.
        data_format: "channels_last" or "channels_first"; Keras's setting when None.
        save_to_dir: Existing folder where the images of each batch are saved.
        save_prefix: Prefix of the names there.
        save_format: Format of the files there.
        follow_links: Whether to follow symbolic links to folders inside the class folders.
        subset: "training" or "validation".
        interpolation: How to resize, as in `read_image`.
        keep_aspect_ratio: Whether to crop images to the aspect ratio of `target_size` before
            they are resized.
        dtype: Data type of the batches; Keras's `floatx` when None.
        check: "all" decodes every file before the first batch.
        on_bad: "raise" an error for a bad file, or "skip" to set all of them aside.
        workers: Number of threads; one for each available processor when None.
        cache: Whether to keep decoded images for later epochs.
        formats: "keras" for files with Keras's extensions, or "all" that can be read.
        dtype_range: The range of values in the files that becomes 0..255, as in `read_image`.

    Raises:
        FileNotFoundError: When the folder does not exist.
        NotADirectoryError: When `directory` is a file.
        ValueError: When an argument is out of range or unknown.
        BadImageError: With `check="all"`, when a file cannot be read and `on_bad` is "raise".

    Example:
        >>> from PIL import Image
        >>> (Path("pets") / "cat").mkdir(parents=True)
        >>> Image.new("RGB", (9, 9)).save("pets/cat/1.png")
        >>> iterator = DirectoryIterator("pets", None, target_size=(8, 8))
        Found 1 images belonging to 1 classes.
        >>> iterator.class_indices, iterator.labels, iterator.filenames
        ({'cat': 0}, array([0], dtype=int32), ['cat/1.png'])

    Source:
        `keras.src.legacy.preprocessing.image.DirectoryIterator`. As there, a folder without
        images gives an iterator of length 0, and a class folder that does not exist counts as
        an empty one; unlike there, both come with a warning.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        image_data_generator: Augmenter | None,
        target_size: tuple[int, int] = (256, 256),
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
        formats: str = "keras",
        dtype_range: DtypeRange = None,
    ) -> None:
        options = ImageOptions(
            target_size=target_size,
            color_mode=color_mode,
            interpolation=interpolation,
            keep_aspect_ratio=keep_aspect_ratio,
            data_format=data_format or keras.config.image_data_format(),
            dtype=dtype or keras.config.floatx(),
            save_to_dir=save_to_dir,
            save_prefix=save_prefix,
            save_format=save_format,
            subset=subset,
            check=check,
            on_bad=on_bad,
            cache=cache,
            formats=formats,
            dtype_range=dtype_range,
        )
        fractions = subset_fractions(subset, image_data_generator)
        validate_class_mode(class_mode, _CLASS_MODES)
        root = existing_folder(directory)
        names = list(classes) if classes else class_folders(root)
        images = _images_by_class(root, names, follow_links)
        used = {
            name: [path for path in paths if path.lower().endswith(options.extensions)]
            for name, paths in images.items()
        }
        filenames, numbers = _in_subset(used, fractions)
        print_message(f"Found {len(filenames)} images belonging to {len(names)} classes.")
        if not filenames:
            most = max(map(len, used.values()), default=0)
            warnings.warn(_no_images(root, names, options, fractions, most), stacklevel=3)
        for message in _surprises(root, images, used, chosen=bool(classes)):
            warnings.warn(message, stacklevel=3)
        folder = os.fspath(directory)
        keep, bad_files = find_bad_files(folder, filenames, options, workers)
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


def _images_by_class(root: Path, names: Sequence[str], follow_links: bool) -> dict[str, list[str]]:
    """Return the paths, relative to `root`, of all images that can be read.

    Those that Keras passes over are among them.
    """
    images: dict[str, list[str]] = {name: [] for name in names}
    endings, start = readable_extensions(), len(os.path.join(root, ""))  # noqa: PTH118
    for name in names:
        if (root / name).is_dir():
            paths = images_under(root / name, follow_links, endings)
            images[name] = [path[start:] for path in paths]
        else:
            warnings.warn(f"There is no class folder {name!r} in {root}.", stacklevel=4)
    return images


def _in_subset(
    images: Mapping[str, Sequence[str]], fractions: tuple[float, float] | None
) -> tuple[list[str], np.ndarray]:
    """Return the images' paths, class by class, and their class numbers."""
    filenames: list[str] = []
    counts = []
    for paths in images.values():
        if fractions:
            start, stop = (int(fraction * len(paths)) for fraction in fractions)
            paths = paths[start:stop]
        filenames += paths
        counts.append(len(paths))
    if any(name.lower().endswith(".tiff") for name in filenames):
        warnings.warn(
            'Using ".tiff" files with multiple bands will cause distortion. '
            "Please verify your output.",
            stacklevel=4,
        )
    return filenames, np.repeat(np.arange(len(counts)), np.array(counts, int)).astype("int32")


def _surprises(
    root: Path,
    images: Mapping[str, Sequence[str]],
    used: Mapping[str, Sequence[str]],
    chosen: bool,
) -> Iterator[str]:
    """Yield warnings of what Keras does silently and is seldom meant.

    Args:
        root: The folder.
        images: All images that can be read, by class.
        used: Those that the iterator uses.
        chosen: Whether the user listed the classes.
    """
    passed_over = [
        path
        for name in images
        if len(images[name]) > len(used[name])
        for path in sorted({*images[name]} - {*used[name]})
    ]
    if passed_over:
        yield (
            f"{len(passed_over)} images in {root} are passed over, such as "
            f"{root / passed_over[0]}: their "
            'extensions are not among Keras\'s. Pass formats="all" to read them too.'
        )
    stray = [
        path
        for paths in used.values()
        for path in paths
        if is_stray_name(path.rpartition(os.sep)[2])
    ]
    if stray:
        yield (
            f"{len(stray)} files in {root} that a tool left behind count as images, as in Keras, "
            f"such as {root / stray[0]}. Remove them."
        )
    if chosen or not any(used.values()):
        return
    if message := loose_images(root):
        yield message
    if splits := find_splits(root):
        names = list(splits.roles)
        yield (
            f"{' and '.join(names)} in {root} look like splits, but count as classes, as in Keras. "
            f"Make one flow for each, such as {root / names[0]}."
        )
    listed = [f"{name} (left by a tool)" for name in images if is_stray_name(name)]
    listed += [f"{name} (no image)" for name in images if not images[name]]
    if listed:
        yield (
            f"As in Keras, these folders in {root} count as classes: {', '.join(listed)}. Remove "
            "them, or list the other ones in classes=[…]."
        )


def _no_images(
    root: Path,
    names: Sequence[str],
    options: ImageOptions,
    fractions: tuple[float, float] | None,
    largest: int,
) -> str:
    """Describe why there are no images; `largest` is the number in the largest class."""
    if not names:
        return no_class_folder(root)
    if fractions and fractions[0] == fractions[1]:
        return empty_subset(options.subset)
    if fractions and largest:
        return (
            f"The {options.subset} subset is empty: {fractions[1] - fractions[0]:.3g} of the "
            f"images of a class, {largest} at most, is less than one. Choose another "
            "validation_split."
        )
    where = f" in the {options.subset} subset" if options.subset else ""
    *most, last = options.extensions
    return (
        f"No image{where} in the class folders {list(names)} of {root}. Expected files that end "
        f"in {', '.join(most)} or {last}."
    )
