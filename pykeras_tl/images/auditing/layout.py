"""All files in a directory, with the split and the class that the path tells."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from ...storage.shards.index import folders_at, has_shards, is_url
from ..datasets.directory_tree import class_folders, folder_or_url, has_images, join
from ..datasets.file_names import is_image_name, is_readable_name, is_stray_name
from ..datasets.folders import list_images
from ..datasets.split_folders import find_splits, split_role
from ..decoding.headers import kind_of
from ..decoding.heif import INSTALL, register_heif
from ..decoding.reading import first_bytes

COLUMNS = ["filename", "class", "split"]
REMARK_COLUMNS = ["problem", *COLUMNS, "detail"]


def list_everything(
    directory: str | os.PathLike[str], splits: Sequence[str] | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """List all images in a directory, and whatever else is in it that training may stumble over.

    The directory contains one directory per class, or one per split with one per class in it; or
    shards, or one directory of shards per split.

    Args:
        directory: The directory, or the URL of shards.
        splits: Names of the directories that are splits. By default, `find_splits` recognizes
            them.

    Returns:
        Two tables with the columns `filename` (absolute path), `class` and `split` (both
        possibly ""): the images, and with the columns `problem` and `detail` too, what is
        remarkable about the layout: "passed over" (an image whose extension is not one of an
        image), "other format" (an image that Keras's flows pass over), "stray" (left by a tool),
        "empty class", and "beside splits" (a directory that is neither a split nor in one).

    Raises:
        FileNotFoundError: If the directory does not exist.
        ValueError: If a name in `splits` is not one of its directories, or there is no image.

    Example:
        >>> import tempfile
        >>> root = Path(tempfile.mkdtemp())
        >>> for name in ["train/cat/1.png", "test/cat/2.png", "test/3.png", ".git/4.png"]:
        ...     (root / name).parent.mkdir(parents=True, exist_ok=True)
        ...     (root / name).touch()
        >>> images, remarks = list_everything(root)
        >>> images[["class", "split"]].values.tolist()
        [['', 'test'], ['cat', 'test'], ['cat', 'train']]
        >>> remarks["problem"].tolist()
        ['stray']
    """
    place = folder_or_url(directory)
    folders = folders_at(place) if isinstance(place, str) else class_folders(place)
    packed = _packed(place, folders, splits)
    if len(packed):
        return packed, pd.DataFrame([], columns=REMARK_COLUMNS, dtype=str)
    root = Path(place)
    others: tuple[str, ...] = ()
    if splits is not None:
        unknown = [name for name in splits if name not in folders]
        if unknown:
            raise ValueError(
                f"Expected `splits` to be names of directories in {root}, which are {folders}. "
                f"Received: {unknown}."
            )
        branches = [(root / name, name) for name in splits]
    elif found := find_splits(root):
        branches = [(root, ""), *((root / name, name) for name in found.roles)]
        others = found.others
    else:
        branches = [(root, "")]
    in_splits = [name for _, name in branches if name]
    rows, remarks = [], []
    for branch, split in branches:
        skip = in_splits if branch == root else []
        for path, label in _files_by_class(branch, skip):
            if is_stray_name(Path(path).name):
                if is_readable_name(path) or Path(path).is_dir():
                    remarks.append(("stray", path, label, split, "was left by a tool"))
            elif is_readable_name(path):
                rows.append((path, label, split))
                if not is_image_name(path):
                    detail = 'is passed over by flows without formats="all"'
                    remarks.append(("other format", path, label, split, detail))
            elif kind := _kind_of_image(path):
                detail = "contains an image, but has another extension"
                if kind == "HEIC" and not register_heif():
                    detail = f"is a HEIC file; {INSTALL}"
                remarks.append(("passed over", path, label, split, detail))
        problem = "empty class" if split or not in_splits else "beside splits"
        remarks += [
            (problem, str(branch / name), name, split, "has no image")
            for name in class_folders(branch)
            if not is_stray_name(name) and not has_images(branch / name)
        ]
    remarks += [("beside splits", str(root / name), name, "", "is no split") for name in others]
    if not rows:
        raise ValueError(f"Expected a directory with images. No image found in {root}.")
    return pd.DataFrame(rows, columns=COLUMNS), pd.DataFrame(remarks, columns=REMARK_COLUMNS)


def _packed(root: Path | str, folders: Sequence[str], splits: Sequence[str] | None) -> pd.DataFrame:
    """Return the images in a folder of shards, or in one for each split; no rows without shards."""
    named = [name for name in folders if split_role(name)] if splits is None else splits
    parts = {name: join(root, name) for name in named if has_shards(join(root, name))}
    if has_shards(root) and not (is_url(root) and parts):
        parts = {"": root}
    tables = [list_images(part).assign(split=name) for name, part in parts.items()]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def _files_by_class(branch: Path, skip: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the path and class of each file, and of stray folders without what is in them."""
    for entry in sorted(branch.iterdir()):
        if entry.is_file() or is_stray_name(entry.name):
            yield str(entry), ""
        elif entry.is_dir() and entry.name not in skip:
            for folder, inner, names in os.walk(entry):
                stray = [name for name in inner if is_stray_name(name)]
                inner[:] = sorted(set(inner) - set(stray))
                for name in sorted(names + stray):
                    yield str(Path(folder) / name), entry.name


def _kind_of_image(path: str) -> str | None:
    try:
        return kind_of(first_bytes(path))
    except OSError:
        return None
