"""Folders with one subfolder of images for each class, as tables of files and classes."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from ...storage.shards.index import Source, has_shards
from .corrections import Corrections, apply_corrections
from .directory_tree import (
    class_folders,
    existing_folder,
    images_directly_in,
    images_under,
    passed_over,
    without_stray,
)
from .file_names import (
    is_stray_name,
    list_packed_images,
    readable_extensions,
    unreadable_extensions,
)
from .split_folders import check_no_splits


def list_images(
    directory: Source,
    classes: Sequence[str] | None = None,
    follow_links: bool = False,
    corrections: Corrections | None = None,
) -> pd.DataFrame:
    """List the images in a folder with one subfolder for each class.

    Rows are in the order of the samples of Keras's `flow_from_directory`: by class (sorted by
    name, or in the order of `classes`), then by folder, then by file name. Files in folders
    inside a class folder belong to that class.

    Unlike `flow_from_directory`, it lists files of all formats that can be read, such as WebP.
    It warns of folders that are no classes: those without an image, and those that a tool left
    behind, such as `.ipynb_checkpoints` and `__MACOSX`. Files such as `._photo.jpg` are left out.
    HEIC files are listed where the package pillow-heif is installed, and warned of elsewhere.

    Args:
        directory: Folder that holds one folder of images for each class; or the folder, or
            its URL, of the shards that `pack_images` made of it.
        classes: Names of the class folders to list, in order; all of them, sorted, when None.
        follow_links: Whether to follow symbolic links to folders.
        corrections: Images to leave out and images of another class: a CSV file, such as the
            page of an `audit` or `find_label_errors` writes, or a table (see
            `read_corrections`).

    Returns:
        A table with a row for each image and the columns `filename` (absolute path) and
        `class`, as `flow_from_dataframe` expects them.

    Raises:
        FileNotFoundError: When the folder does not exist.
        NotADirectoryError: When `directory` is a file.
        ValueError: When there is no image in a class folder; when the folders are splits, such
            as `train` and `test`; or when a name in `classes` is not that of a class folder or
            its folder has no image; or when the corrections are wrong.
        OSError: When a folder cannot be read.

    Example:
        >>> import tempfile
        >>> root = Path(tempfile.mkdtemp())
        >>> for name in ["cat/2.png", "cat/10.png", "dog/1.JPG", "dog/notes.txt"]:
        ...     (root / name).parent.mkdir(exist_ok=True)
        ...     (root / name).touch()
        >>> table = list_images(root)
        >>> [Path(name).name for name in table["filename"]]
        ['10.png', '2.png', '1.JPG']
        >>> list(table["class"])
        ['cat', 'cat', 'dog']

    Source:
        `keras.src.legacy.preprocessing.image.DirectoryIterator`.
    """
    if has_shards(directory):
        return _in_shards(directory, classes, corrections)
    assert isinstance(directory, str | os.PathLike)
    root = existing_folder(directory)
    if classes is None:
        names = [name for name in class_folders(root) if not is_stray_name(name)]
        check_no_splits(root)
    else:
        names = _validated_classes(root, classes)
    if not names:
        raise ValueError(no_class_folder(root))
    unread = unreadable_extensions()
    endings = readable_extensions() + unread
    images, stray, unreadable = {}, [], []
    for name in names:
        paths = list(images_under(root / name, follow_links, endings))
        images[name] = list(without_stray(paths, root / name))
        if len(paths) > len(images[name]):
            strays = sorted({*paths} - {*images[name]})
            stray += [path for path in strays if not path.lower().endswith(unread)]
        if unread:
            unreadable += [path for path in images[name] if path.lower().endswith(unread)]
            images[name] = [path for path in images[name] if not path.lower().endswith(unread)]
    empty = [name for name in names if not images[name]]
    if empty and (classes is not None or len(empty) == len(names)):
        raise ValueError(_no_images(root, names, empty))
    if classes is None:
        warn_of_other_folders(root, empty)
    if message := passed_over(unreadable):
        warnings.warn(message, stacklevel=2)
    if stray:
        warnings.warn(
            f"{len(stray)} files in {root} that a tool left behind are not used, such as "
            f"{stray[0]}.",
            stacklevel=2,
        )
    counts = [len(images[name]) for name in names]
    table = pd.DataFrame(
        {
            "filename": [path for name in names for path in images.pop(name)],
            "class": np.repeat(np.array(names, object), counts),
        },
        dtype=str,
    )
    return apply_corrections({"": table}, corrections, root)[""]


def _in_shards(
    source: Source, classes: Sequence[str] | None, corrections: Corrections | None
) -> pd.DataFrame:
    packed = list_packed_images(source, readable_extensions())
    names = packed.classes if classes is None else list(classes)
    if unknown := [name for name in names if name not in packed.classes]:
        raise ValueError(
            f"Expected classes to be names of classes in the shards: {packed.classes}. "
            f"Received: {names}, of which {unknown} do not exist."
        )
    rows = np.concatenate(
        [np.flatnonzero(packed.labels == packed.classes.index(name)) for name in names]
    )
    table = pd.DataFrame(
        {
            "filename": [packed.path(row) for row in rows],
            "class": np.array(packed.classes, object)[packed.labels[rows]],
        },
        dtype=str,
    )
    return apply_corrections({"": table}, corrections, Path(packed.shards[0]).parent)[""]


def warn_of_other_folders(root: Path, empty: Sequence[str]) -> None:
    """Warn of the folders beside the class folders that are no classes, and of loose images.

    Args:
        root: The folder that holds the class folders.
        empty: Names of the folders in it that have no image.

    Example:
        >>> (Path("pets") / ".git").mkdir(parents=True)
        >>> with warnings.catch_warnings(record=True) as caught:
        ...     warn_of_other_folders(Path("pets"), ["birds"])
        >>> print(caught[0].message)
        Not used as classes in pets: .git (left by a tool), birds (no image).
    """
    stray = [name for name in class_folders(root) if is_stray_name(name)]
    listed = [f"{name} (left by a tool)" for name in stray]
    listed += [f"{name} (no image)" for name in empty]
    if listed:
        warnings.warn(f"Not used as classes in {root}: {', '.join(listed)}.", stacklevel=3)
    if message := loose_images(root):
        warnings.warn(message, stacklevel=3)


def loose_images(root: Path) -> str:
    """Describe the images that are beside the class folders and not in one.

    Args:
        root: The folder that holds the class folders.

    Returns:
        A message for a warning; "" if there is none.

    Example:
        >>> Path("flowers").mkdir()
        >>> (Path("flowers") / "1.png").touch()
        >>> loose_images(Path("flowers"))
        '1 images in flowers are in no class folder and not used, such as 1.png.'
    """
    loose = list(images_directly_in(root))
    if not loose:
        return ""
    return (
        f"{len(loose)} images in {root} are in no class folder and not used, such as "
        f"{Path(loose[0]).name}."
    )


def check_classes(table: pd.DataFrame, batch_size: int | None = None) -> None:
    """Raise `ValueError` when no classifier can be trained on a table of images.

    Args:
        table: Rows with a column `class`, as `list_images` returns them.
        batch_size: Batch size of the training, to require as many images of each class.

    Raises:
        ValueError: When there are no rows, all rows are of one class, or a class has fewer
            images than a batch.

    Example:
        >>> check_classes(pd.DataFrame({"class": ["cat", "cat"]}))
        Traceback (most recent call last):
        ValueError: Expected at least two classes. Received: only 'cat' (2 images).
    """
    counts = table["class"].value_counts(sort=False)
    if counts.empty:
        raise ValueError("Expected a table of images. Received: a table without rows.")
    if len(counts) == 1:
        raise ValueError(
            "Expected at least two classes. Received: only "
            f"{counts.index[0]!r} ({counts.iloc[0]} images)."
        )
    if batch_size is None:
        return
    small = counts[counts < batch_size]
    if not small.empty:
        listed = ", ".join(f"{name!r} ({count})" for name, count in small.items())
        raise ValueError(
            f"Expected at least {batch_size} images of each class, as many as a batch has. "
            f"Received: {listed}. Add images, or use a smaller batch_size."
        )


def no_class_folder(root: Path) -> str:
    """Describe what a folder without class folders has instead.

    Args:
        root: An existing folder without subfolders.

    Returns:
        A message for an error or a warning.

    Example:
        >>> Path("cell.png").touch()
        >>> no_class_folder(Path("."))
        'No class folder in .: 1 images are not inside a class folder. Expected one folder of
        images for each class.'
    """
    images = sum(1 for _ in images_directly_in(root))
    others = sum(entry.is_file() for entry in root.iterdir()) - images
    content = "it is empty"
    if images:
        content = f"{images} images are not inside a class folder"
    elif others:
        content = f"it has {others} files that are not images"
    return f"No class folder in {root}: {content}. Expected one folder of images for each class."


def _validated_classes(root: Path, classes: Sequence[str]) -> list[str]:
    if isinstance(classes, str):
        raise TypeError(f"Expected classes to be a list of names. Received: {classes!r}")
    names = list(classes)
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"Expected classes to be different names. Received: {repeated} repeated.")
    folders = class_folders(root)
    if not folders:
        raise ValueError(no_class_folder(root))
    unknown = [name for name in names if name not in folders]
    if unknown or not names:
        raise ValueError(
            f"Expected classes to be names of class folders in {root}: {folders}. "
            f"Received: {names}, of which {unknown} do not exist."
        )
    return names


def _no_images(root: Path, names: list[str], empty: list[str]) -> str:
    kinds = ", ".join(readable_extensions())
    if len(empty) == len(names):
        deeper = [
            f"{name}/{entry.name}"
            for name in names
            for entry in sorted((root / name).iterdir())
            if entry.is_dir()
        ]
        hint = f" They have the subfolders {', '.join(deeper[:4])}." if deeper else ""
        return f"No image ({kinds}) in any class folder of {root}: {names}.{hint}"
    return (
        f"No image ({kinds}) in the class folders {empty} of {root}. "
        "Remove these folders, or list the ones to use in classes=[…]."
    )
