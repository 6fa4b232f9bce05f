"""The folders and the image files below a folder."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pandas as pd

from ...storage.shards.index import has_shards, is_url
from ...storage.shards.reading import in_shard, is_file
from ..decoding.heif import INSTALL
from .file_names import (
    EXTENSIONS,
    is_readable_name,
    is_stray_name,
    list_packed_images,
    readable_extensions,
    unreadable_extensions,
)

Paths = str | os.PathLike[str] | Iterable[str | os.PathLike[str]] | pd.DataFrame


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


def folder_or_url(directory: str | os.PathLike[str]) -> Path | str:
    """Return a folder's absolute path, or a URL as it is.

    Args:
        directory: The folder or URL.

    Returns:
        The absolute path, or the URL without a slash at its end.

    Raises:
        FileNotFoundError: When the folder does not exist.
        NotADirectoryError: When it is a file.

    Example:
        >>> folder_or_url("s3://bucket/cells/")
        's3://bucket/cells'
    """
    if is_url(directory):
        return os.fspath(directory).rstrip("/")
    return existing_folder(directory)


def join(root: Path | str, name: str) -> Path | str:
    """Return the path or URL of a folder in another.

    Args:
        root: The folder, or its URL.
        name: Name of the folder in it.

    Returns:
        A path, or a URL.

    Example:
        >>> join("s3://bucket/cells", "TRAIN")
        's3://bucket/cells/TRAIN'
    """
    return f"{root}/{name}" if is_url(root) else Path(root) / name


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


def image_names_under(
    folder: Path, endings: tuple[str, ...], follow_links: bool = False
) -> Iterator[tuple[str, list[str]]]:
    """Yield each folder in a folder, itself first, and the names of the images in it.

    Args:
        folder: The folder.
        endings: How the names of images end, in lower case.
        follow_links: Whether to follow symbolic links to folders.

    Yields:
        Path of the folder and names, both in the order in which Keras sorts them.

    Raises:
        OSError: When a folder cannot be read; Keras skips such folders silently.

    Example:
        >>> (Path("mice") / "day2").mkdir(parents=True)
        >>> for name in ["day2/1.png", "9.png", "10.PNG", "notes.txt"]:
        ...     (Path("mice") / name).touch()
        >>> list(image_names_under(Path("mice"), EXTENSIONS))
        [('mice', ['10.PNG', '9.png']), ('mice/day2', ['1.png'])]
    """
    walk = os.walk(folder, onerror=_raise, followlinks=follow_links)
    found = [
        (path, [name for name in names if name.lower().endswith(endings)])
        for path, _, names in walk
    ]
    for path, names in sorted(found, key=lambda entry: entry[0]):
        names.sort()
        yield path, names


def images_under(
    folder: Path,
    follow_links: bool = False,
    endings: tuple[str, ...] = EXTENSIONS,
) -> Iterator[str]:
    """Yield the paths of the images in a folder and its subfolders, in Keras's order.

    Args:
        folder: The folder.
        follow_links: Whether to follow symbolic links to folders.
        endings: How the names of images end, in lower case.

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
    for path, names in image_names_under(folder, endings, follow_links):
        start = path if path.endswith(os.sep) else path + os.sep
        for name in names:
            yield start + name


def readable_images_under(folder: Path, follow_links: bool = False) -> Iterator[str]:
    """Yield the paths of all images that can be read in a folder and its subfolders.

    Args:
        folder: The folder.
        follow_links: Whether to follow symbolic links to folders.

    Yields:
        Paths in the order of `images_under`, of all formats that can be read, without the files
        and folders that tools leave behind.

    Raises:
        OSError: When a folder cannot be read.

    Example:
        >>> (Path("cats") / ".git").mkdir(parents=True)
        >>> for name in ["1.gif", "._1.gif", ".git/2.png"]:
        ...     (Path("cats") / name).touch()
        >>> list(readable_images_under(Path("cats")))
        ['cats/1.gif']
    """
    return without_stray(images_under(folder, follow_links, readable_extensions()), folder)


def unreadable_images(folders: Sequence[Path]) -> str:
    """Describe the images in folders and their subfolders that cannot be read here.

    Args:
        folders: The folders.

    Returns:
        A message for a warning, about formats such as HEIC that need another package; "" if there
        is none.

    Example:
        >>> Path("dogs").mkdir()
        >>> Path("dogs", "1.gif").touch()
        >>> unreadable_images([Path("dogs")])
        ''
    """
    endings = unreadable_extensions()
    if not endings:
        return ""
    return passed_over(
        [
            path
            for folder in folders
            for path in without_stray(images_under(folder, False, endings), folder)
        ]
    )


def passed_over(paths: Sequence[str]) -> str:
    """Describe images that cannot be read here.

    Args:
        paths: The images.

    Returns:
        A message for a warning; "" if there is none.

    Example:
        >>> passed_over([])
        ''
    """
    if not paths:
        return ""
    more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
    return (
        "Images are passed over, since the installed Pillow cannot read their format: "
        f"{paths[0]}{more}; {INSTALL}."
    )


def without_stray(paths: Iterable[str], folder: Path) -> Iterator[str]:
    """Yield the files that neither are, nor are in a folder that was, left behind by a tool.

    Args:
        paths: Paths of files.
        folder: A folder that they are in; the names from there on count.

    Yields:
        The other paths, in their order.

    Example:
        >>> list(without_stray(["cats/.ipynb_checkpoints/1.png", "cats/1.png"], Path("cats")))
        ['cats/1.png']
    """
    start = len(os.fspath(folder))
    # Many files are in few folders, so each folder is judged once.
    known: dict[str, bool] = {}
    for path in paths:
        parent, _, name = path.rpartition(os.sep)
        if parent not in known:
            known[parent] = any(map(is_stray_name, parent[start:].split(os.sep)))  # noqa: PTH206
        if not known[parent] and not is_stray_name(name):
            yield path


def has_images(folder: Path) -> bool:
    """Return whether there is an image that can be read in a folder or its subfolders.

    Args:
        folder: The folder.

    Returns:
        True if `readable_images_under` would yield one. It stops at the first.

    Example:
        >>> (Path("lions") / "day1").mkdir(parents=True)
        >>> (Path("lions") / "day1" / "1.png").touch()
        >>> has_images(Path("lions"))
        True
    """
    endings = readable_extensions()
    for _, folders, names in os.walk(folder, onerror=_raise):
        folders[:] = [name for name in folders if not is_stray_name(name)]
        if any(name.lower().endswith(endings) and not is_stray_name(name) for name in names):
            return True
    return False


def images_directly_in(folder: Path) -> Iterator[str]:
    """Yield the paths of all images that can be read in a folder, without its subfolders.

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
        if is_readable_name(entry.name) and not is_stray_name(entry.name) and entry.is_file():
            yield str(entry)


def _raise(error: OSError) -> None:
    raise error


def image_files(paths: Paths) -> list[str]:
    """List the image files that a user names, in the order given.

    Args:
        paths: A file; a folder, searched recursively for images; a folder of shards or its URL;
            several of these; or a table with a column `filename`. What cannot be searched is
            warned of.

    Returns:
        The files.

    Raises:
        FileNotFoundError: If a file or folder does not exist.
        ValueError: If there is no image, or the table has no such column.

    Example:
        >>> Path("kittens").mkdir()
        >>> Path("kittens/1.png").touch()
        >>> image_files(["kittens", "kittens/1.png"])
        ['kittens/1.png', 'kittens/1.png']
    """
    if isinstance(paths, pd.DataFrame):
        if "filename" not in paths:
            raise ValueError(
                f"Expected a table with a column filename. Received: columns {list(paths.columns)}."
            )
        paths = paths["filename"].tolist()
    elif isinstance(paths, (str, os.PathLike)):
        paths = [paths]
    files: list[str] = []
    folders: list[Path] = []
    for path in paths:
        source = Path(path).expanduser()
        if in_shard(path) and is_file(path):
            files.append(os.fspath(path))
        # An archive may lie beside the images.
        elif has_shards(path) and not (source.is_dir() and has_images(source)):
            packed = list_packed_images(path, readable_extensions())
            files += [packed.path(row) for row in range(len(packed.names))]
        elif source.is_dir():
            files += readable_images_under(source)
            folders.append(source)
        elif source.exists():
            files.append(os.fspath(source))
        else:
            raise FileNotFoundError(f"File or folder {path} does not exist.")
    if message := unreadable_images(folders):
        warnings.warn(message, stacklevel=3)
    if not files:
        raise ValueError("Expected at least one image. The given files and folders contain none.")
    return files
