"""Every file under a folder, with the split and the class that its place says."""

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
    """List all images under a folder, those without a class too, and images not named as such.

    The folder holds a folder for each class, or one for each split with a folder for each class
    in it.

    Args:
        directory: The folder.
        splits: Names of the folders that are splits. When absent, the folders are splits when
            the names of all begin with train, test, val, dev or holdout.

    Returns:
        Two tables with the columns `filename` (absolute path), `class` and `split`, either of
        which may be empty: the images, and the files that hold an image but whose names do
        not end as Keras wants, so that training would pass them over.

    Raises:
        FileNotFoundError: When the folder does not exist.
        ValueError: When a name in `splits` is no folder there, or no image is found.

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
            raise ValueError(f"splits={list(splits)}: {unknown} not found in {root}: {folders}.")
        places = [(root / name, name) for name in splits]
    elif folders and all(name.lower().startswith(_SPLITS) for name in folders):
        places = [(root, "")] + [(root / name, name) for name in folders]
    else:
        places = [(root, "")]
    rows = [
        (path, label, split)
        for place, split in places
        for path, label in _files_by_class(place, skip=folders if len(places) > 1 else [])
    ]
    images = [row for row in rows if is_image_name(row[0])]
    if not images:
        raise ValueError(f"No image anywhere in {root}.")
    others = [row for row in rows if not is_image_name(row[0]) and _holds_image(row[0])]
    return pd.DataFrame(images, columns=COLUMNS), pd.DataFrame(others, columns=COLUMNS)


def _files_by_class(place: Path, skip: Sequence[str]) -> Iterator[tuple[str, str]]:
    for entry in sorted(place.iterdir()):
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
