"""Folders with one subfolder of images for each class, as tables of files and classes."""

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
    """List the images in a folder with one subfolder for each class.

    Rows are in the order of the samples of Keras's `flow_from_directory`: by class (sorted by
    name, or in the order of `classes`), then by folder, then by file name. Files in folders
    inside a class folder belong to that class.

    Args:
        directory: Folder that holds one folder of images for each class.
        classes: Names of the class folders to list, in order; all of them, sorted, when None.
        follow_links: Whether to follow symbolic links to folders.

    Returns:
        A table with a row for each image and the columns `filename` (absolute path) and
        `class`, as `flow_from_dataframe` expects them.

    Raises:
        FileNotFoundError: When the folder does not exist.
        NotADirectoryError: When `directory` is a file.
        ValueError: When there is no class folder, a class folder has no image, or a name in
            `classes` is not that of a class folder.
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
    names = class_folders(root) if classes is None else _validated_classes(root, classes)
    if not names:
        raise ValueError(no_class_folder(root))
    rows = [(path, name) for name in names for path in images_under(root / name, follow_links)]
    table = pd.DataFrame(rows, columns=["filename", "class"], dtype=str)
    counts = table["class"].value_counts()
    empty = [name for name in names if name not in counts]
    if empty:
        raise ValueError(_no_images(root, names, empty))
    return table


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


def existing_folder(directory: str | os.PathLike[str]) -> Path:
    """Return a folder's absolute path, or raise an error if it does not exist.

    Args:
        directory: The folder; `~` is expanded, symbolic links are not.

    Returns:
        Its absolute path.

    Raises:
        FileNotFoundError: When it does not exist.
        NotADirectoryError: When it is a file.

    Example:
        >>> existing_folder("no such folder")
        Traceback (most recent call last):
        FileNotFoundError: There is no folder ...no such folder.
    """
    root = Path(directory).expanduser().absolute()
    if not root.exists():
        raise FileNotFoundError(f"There is no folder {root}.")
    if not root.is_dir():
        raise NotADirectoryError(f"{root} is a file. Expected a folder with one for each class.")
    return root


def class_folders(root: Path) -> list[str]:
    """Return the sorted names of the folders in `root`, one for each class.

    Args:
        root: An existing folder.

    Returns:
        The names; an empty list when there are none.

    Example:
        >>> for name in ["dog", "cat"]:
        ...     (Path("pets") / name).mkdir(parents=True)
        >>> class_folders(Path("pets"))
        ['cat', 'dog']
    """
    return sorted(entry.name for entry in root.iterdir() if entry.is_dir())


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
    others = sum(1 for _ in root.iterdir()) - images
    content = "it is empty"
    if images:
        content = f"{images} images are not inside a class folder"
    elif others:
        content = f"it has {others} files that are not images"
    return f"No class folder in {root}: {content}. Expected one folder of images for each class."


def images_under(folder: Path, follow_links: bool = False) -> Iterator[str]:
    """Yield the paths of the images in a folder and its subfolders, in Keras's order.

    Args:
        folder: The folder.
        follow_links: Whether to follow symbolic links to folders.

    Yields:
        Paths, sorted by folder and then by name.

    Raises:
        OSError: When a folder cannot be read; Keras skips such folders silently.

    Example:
        >>> (Path("cells") / "day2").mkdir(parents=True)
        >>> for name in ["day2/1.png", "9.png", "notes.txt"]:
        ...     (Path("cells") / name).touch()
        >>> list(images_under(Path("cells")))
        ['cells/9.png', 'cells/day2/1.png']
    """
    walk = os.walk(folder, onerror=_raise, followlinks=follow_links)
    for path, _, names in sorted(walk, key=lambda entry: entry[0]):
        for name in sorted(names):
            if is_image_name(name):
                yield str(Path(path) / name)


def images_directly_in(folder: Path) -> Iterator[str]:
    """Yield the paths of the images in a folder, without its subfolders.

    Args:
        folder: The folder.

    Yields:
        Paths, sorted by name.

    Example:
        >>> (Path("slides") / "day2").mkdir(parents=True)
        >>> for name in ["day2/1.png", "9.png", "notes.txt"]:
        ...     (Path("slides") / name).touch()
        >>> list(images_directly_in(Path("slides")))
        ['slides/9.png']
    """
    for entry in sorted(folder.iterdir()):
        if is_image_name(entry.name) and entry.is_file():
            yield str(entry)


def is_image_name(name: str) -> bool:
    """Return whether a file name has an image extension, in upper or lower case.

    Args:
        name: Name or path of a file.

    Returns:
        True for png, jpg, jpeg, bmp, ppm, tif and tiff.

    Example:
        >>> is_image_name("cell.JPEG"), is_image_name("cell.txt")
        (True, False)
    """
    return name.lower().endswith(EXTENSIONS)


def validate_filename(
    filename: str | os.PathLike[str], white_list_formats: tuple[str, ...] = EXTENSIONS
) -> bool:
    """Return whether a path is that of an existing image file, judged by its extension.

    Args:
        filename: Path of the file.
        white_list_formats: File extensions in lower case.

    Returns:
        True when the name ends in one of the extensions, in upper or lower case, and the file
        exists.

    Example:
        >>> Path("cell.PNG").touch()
        >>> validate_filename("cell.PNG"), validate_filename("cell.PNG", ("jpg",))
        (True, False)

    Source:
        `keras.src.legacy.preprocessing.image.validate_filename`.
    """
    path = os.fspath(filename)
    # Plain text: `flow_from_dataframe` does this for each row of a table.
    return path.lower().endswith(tuple(white_list_formats)) and os.path.isfile(path)  # noqa: PTH113


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
    kinds = ", ".join(EXTENSIONS)
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


def _raise(error: OSError) -> None:
    raise error
