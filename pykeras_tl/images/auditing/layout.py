"""All files in a directory, with the split and the class that the path tells."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from ..datasets.folders import existing_folder, is_image_name
from ..decoding.headers import kind_of
from ..decoding.reading import first_bytes

_SPLITS = ("train", "test", "val", "dev", "holdout")
COLUMNS = ["filename", "class", "split"]


def list_everything(
    directory: str | os.PathLike[str], splits: Sequence[str] | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """List all images in a directory, including those that training would not use.

    The directory contains one directory per class, or one per split with one per class in it.

    Args:
        directory: The directory.
        splits: Names of the directories that are splits. By default, the directories are splits
            if all names begin with train, test, val, dev or holdout.

    Returns:
        Two tables with the columns `filename` (absolute path), `class` and `split` (both
        possibly ""): the images, and the files that contain an image but whose extension Keras
        does not accept, so that training would skip them.

    Raises:
        FileNotFoundError: If the directory does not exist.
        ValueError: If a name in `splits` is not one of its directories, or there is no image.

    Example:
        >>> import tempfile
        >>> root = Path(tempfile.mkdtemp())
        >>> for name in ["train/cat/1.png", "test/cat/2.png", "test/3.png"]:
        ...     (root / name).parent.mkdir(parents=True, exist_ok=True)
        ...     (root / name).touch()
        >>> list_everything(root)[0][["class", "split"]].values.tolist()
        [['', 'test'], ['cat', 'test'], ['cat', 'train']]
    """
    root = existing_folder(directory)
    folders = sorted(entry.name for entry in root.iterdir() if entry.is_dir())
    if splits is not None:
        unknown = [name for name in splits if name not in folders]
        if unknown:
            raise ValueError(
                f"Expected `splits` to be names of directories in {root}, which are {folders}. "
                f"Received: {unknown}."
            )
        branches = [(root / name, name) for name in splits]
    elif folders and all(name.lower().startswith(_SPLITS) for name in folders):
        branches = [(root, "")] + [(root / name, name) for name in folders]
    else:
        branches = [(root, "")]
    rows = [
        (path, label, split)
        for branch, split in branches
        for path, label in _files_by_class(branch, skip=folders if len(branches) > 1 else [])
    ]
    images = [row for row in rows if is_image_name(row[0])]
    if not images:
        raise ValueError(f"Expected a directory with images. No image found in {root}.")
    others = [row for row in rows if not is_image_name(row[0]) and _holds_image(row[0])]
    return pd.DataFrame(images, columns=COLUMNS), pd.DataFrame(others, columns=COLUMNS)


def _files_by_class(branch: Path, skip: Sequence[str]) -> Iterator[tuple[str, str]]:
    for entry in sorted(branch.iterdir()):
        if entry.is_file():
            yield str(entry), ""
        elif entry.is_dir() and entry.name not in skip:
            for folder, _, names in sorted(os.walk(entry)):
                for name in sorted(names):
                    yield str(Path(folder) / name), entry.name


def _holds_image(path: str) -> bool:
    try:
        return kind_of(first_bytes(path)) is not None
    except OSError:
        return False
