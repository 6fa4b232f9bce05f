"""From a folder with one folder a class to a table of files and classes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

# Keras compares the end of the name, without a dot.
EXTENSIONS = ("png", "jpg", "jpeg", "bmp", "ppm", "tif", "tiff")


def list_images(
    directory: str | os.PathLike[str],
    classes: Sequence[str] | None = None,
    follow_links: bool = False,
) -> pd.DataFrame:
    """List the images under `directory`, each folder in it being a class.

    The rows stand in the order in which Keras's `flow_from_directory` numbers its samples:
    class by class (sorted by name, or as `classes` has them), then folder by folder, then by
    name. Files in folders within a class folder belong to that class.

    Args:
        directory: The folder that holds one folder for each class.
        classes: Names of the class folders to take, in the order wanted. All of them when
            absent.
        follow_links: Whether to enter folders that are symbolic links.

    Returns:
        A table with a row for each image and the columns `filename` (absolute path) and
        `class`, as `flow_from_dataframe` expects them.

    Raises:
        FileNotFoundError: When the folder does not exist.
        NotADirectoryError: When `directory` is a file.
        ValueError: When there is no class folder, a class holds no image, or a name in
            `classes` is not a folder there.
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
    root = existing_folder(directory)
    names = class_folders(root) if classes is None else _chosen(root, classes)
    rows = [(path, name) for name in names for path in images_under(root / name, follow_links)]
    table = pd.DataFrame(rows, columns=["filename", "class"], dtype=str)
    counts = table["class"].value_counts()
    empty = [name for name in names if name not in counts]
    if empty:
        raise ValueError(_no_images(root, names, empty))
    return table


def check_classes(table: pd.DataFrame, batch_size: int | None = None) -> None:
    """Refuse a table that no classifier can be trained on.

    Args:
        table: Rows with a column `class`, as `list_images` returns them.
        batch_size: Images in a batch of the training to come.

    Raises:
        ValueError: When all rows are of one class, there is no row, or a class has fewer
            images than a batch.

    Example:
        >>> check_classes(pd.DataFrame({"class": ["cat", "cat"]}))
        Traceback (most recent call last):
        ValueError: Training a classifier needs two classes or more; found one: 'cat' (2 images).
    """
    counts = table["class"].value_counts(sort=False)
    if counts.empty:
        raise ValueError("Training a classifier needs images; the table has no rows.")
    if len(counts) == 1:
        raise ValueError(
            "Training a classifier needs two classes or more; found one: "
            f"{counts.index[0]!r} ({counts.iloc[0]} images)."
        )
    if batch_size is None:
        return
    small = counts[counts < batch_size]
    if not small.empty:
        listed = ", ".join(f"{name!r} ({count})" for name, count in small.items())
        raise ValueError(
            f"Classes with fewer images than a batch of {batch_size}: {listed}. "
            "Add images, or take a smaller batch_size."
        )


def existing_folder(directory: str | os.PathLike[str]) -> Path:
    """Return `directory` as an absolute path, having seen that it is a folder.

    Args:
        directory: The folder to look at.

    Returns:
        Its absolute path; symbolic links in it stay as they are.

    Raises:
        FileNotFoundError: When it does not exist.
        NotADirectoryError: When it is not a folder.

    Example:
        >>> existing_folder(".").is_absolute()
        True
    """
    root = Path(directory).expanduser().absolute()
    if not root.exists():
        raise FileNotFoundError(f"There is no folder {root}.")
    if not root.is_dir():
        raise NotADirectoryError(f"{root} is a file; expected a folder with one folder a class.")
    return root


def class_folders(root: Path) -> list[str]:
    """Return the sorted names of the folders in `root`, each being a class.

    Args:
        root: An existing folder.

    Returns:
        The names, at least one.

    Raises:
        ValueError: When `root` holds no folder; the message says what it does hold.

    Example:
        >>> import tempfile
        >>> root = Path(tempfile.mkdtemp())
        >>> (root / "dog").mkdir()
        >>> class_folders(root)
        ['dog']
    """
    names = sorted(entry.name for entry in root.iterdir() if entry.is_dir())
    if not names:
        loose = sum(1 for _ in images_directly_in(root))
        others = sum(1 for _ in root.iterdir()) - loose
        found = "it is empty"
        if loose:
            found = f"{loose} images lie loose in it"
        elif others:
            found = f"it holds {others} files that are not images"
        raise ValueError(
            f"No class folder in {root}: {found}. Expected one folder of images for each class."
        )
    return names


def images_under(folder: Path, follow_links: bool = False) -> Iterator[str]:
    """Yield the paths of the images in `folder` and below it, in Keras's order.

    Args:
        folder: Where to look.
        follow_links: Whether to enter folders that are symbolic links.

    Yields:
        Paths, sorted by folder and then by name.

    Raises:
        OSError: When a folder cannot be read, which Keras passes over in silence.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> (folder / "cell.png").touch()
        >>> [Path(path).name for path in images_under(folder)]
        ['cell.png']
    """
    walk = os.walk(folder, onerror=_raise, followlinks=follow_links)
    for where, _, files in sorted(walk, key=lambda entry: entry[0]):
        for name in sorted(files):
            if is_image_name(name):
                yield str(Path(where) / name)


def images_directly_in(folder: Path) -> Iterator[str]:
    """Yield the sorted paths of the images that lie in `folder` itself.

    Args:
        folder: Where to look; folders in it are not entered.

    Yields:
        Paths, sorted by name.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> (folder / "cell.png").touch()
        >>> [Path(path).name for path in images_directly_in(folder)]
        ['cell.png']
    """
    for entry in sorted(folder.iterdir()):
        if is_image_name(entry.name) and entry.is_file():
            yield str(entry)


def is_image_name(name: str) -> bool:
    """Tell whether a file's name ends as those of images do, in any case of letters.

    Args:
        name: Name or path of a file.

    Returns:
        True for png, jpg, jpeg, bmp, ppm, tif and tiff.

    Example:
        >>> is_image_name("cell.JPEG"), is_image_name("cell.txt")
        (True, False)
    """
    return name.lower().endswith(EXTENSIONS)


def _chosen(root: Path, classes: Sequence[str]) -> list[str]:
    if isinstance(classes, str):
        raise TypeError(f"classes must be a list of names; received the text {classes!r}.")
    names = list(classes)
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"classes names a class twice: {repeated}.")
    there = class_folders(root)
    unknown = [name for name in names if name not in there]
    if unknown or not names:
        raise ValueError(f"classes={names}: {unknown} not found in {root}, which has {there}.")
    return names


def _no_images(root: Path, names: list[str], empty: list[str]) -> str:
    kinds = ", ".join(EXTENSIONS)
    if len(empty) == len(names):
        deeper = [
            f"{name}/{entry.name}"
            for name in names
            for entry in sorted((root / name).iterdir())
            if entry.is_dir()
        ]
        hint = f" Folders within: {', '.join(deeper[:4])}." if deeper else ""
        return f"No image ({kinds}) in any class folder of {root}: {names}.{hint}"
    return (
        f"No image ({kinds}) in the class folders {empty} of {root}. "
        "Remove them, or name the ones to use in classes=[…]."
    )


def _raise(error: OSError) -> None:
    raise error
