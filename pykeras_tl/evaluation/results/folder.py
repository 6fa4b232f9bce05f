"""The folder that an evaluation is saved in: predictions, groups, and what is derived from them."""

from __future__ import annotations

import csv
import os
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pandas as pd

from ...images.datasets.file_names import is_readable_name
from ...images.decoding.reading import BadImageError
from ...images.decoding.validation import list_bad_files
from ...images.duplicates import find_originals
from ...storage.atomic_files import atomic_directory, recover_directory
from ...storage.shards.reading import is_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PREDICTIONS, _GROUPS = "predictions.csv", "groups.csv"
# The column of the groups if they are copies.
_ORIGINAL = "original"
_COPIES = "copies"


class HasPredictions(Protocol):
    """What is saved of an evaluation."""

    @property
    def predictions(self) -> pd.DataFrame: ...  # noqa: D102
    @property
    def groups(self) -> Sequence[Hashable] | None: ...  # noqa: D102
    @property
    def groups_are_copies(self) -> bool: ...  # noqa: D102


def write_results(
    folder: str | os.PathLike[str],
    evaluation: HasPredictions,
    tables: Mapping[str, pd.DataFrame],
    figures: Mapping[str, Figure],
) -> Path:
    """Write an evaluation to a folder, atomically.

    Args:
        folder: A new or empty folder, or one that holds an earlier evaluation.
        evaluation: Its predictions and groups are written.
        tables: What is written beside them, by the name of the file.
        figures: And the figures.

    Returns:
        The folder.

    Raises:
        FileExistsError: If the folder holds anything else.
        OSError: If it cannot be written.
    """
    from ..figures import save_png

    target = recover_directory(folder)
    if target.exists() and not (target / _PREDICTIONS).exists() and any(target.iterdir()):
        raise FileExistsError(
            "Expected an empty folder or one with an earlier evaluation. Received: "
            f"{target}, which holds other files. Choose a new or empty folder."
        )
    written = {Path(_PREDICTIONS).stem: evaluation.predictions, **tables}
    if evaluation.groups is not None:
        name = _ORIGINAL if evaluation.groups_are_copies else "group"
        written[Path(_GROUPS).stem] = pd.DataFrame({name: list(evaluation.groups)})
    with atomic_directory(target) as new:
        for name, table in written.items():
            table.to_csv(new / f"{name}.csv", index=False, errors="surrogateescape")
        for name, figure in figures.items():
            save_png(figure, new / f"{name}.png")
    return target


def read_text_table(folder: Path, name: str) -> pd.DataFrame:
    """Read a table as text.

    pandas would rename duplicate columns, and read a label called "NA" as missing.

    Args:
        folder: A saved evaluation.
        name: The name of the file.

    Returns:
        The table; all values are text.

    Raises:
        FileNotFoundError: If there is no such file.
    """
    path = recover_directory(folder) / name
    if not path.is_file():
        raise FileNotFoundError(
            f"Expected a folder with a saved evaluation. Received: {folder}, without a {name}."
        )
    with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        header, *rows = csv.reader(file)
    # A line without anything is one empty value.
    rows = [row or [""] for row in rows]
    return pd.DataFrame(rows, columns=pd.Index(header, dtype=object), dtype=object)


def read_groups(folder: Path) -> tuple[list[str] | None, bool]:
    """Read the groups of a saved evaluation.

    Args:
        folder: The folder.

    Returns:
        The groups, None if there are none, and whether they are copies.
    """
    if not (folder / _GROUPS).is_file():
        return None, False
    table = read_text_table(folder, _GROUPS)
    return table.iloc[:, 0].tolist(), table.columns[0] == _ORIGINAL


def existing_files(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the predictions for those images that are files and still exist.

    Args:
        predictions: Its first column holds the names of the files.

    Returns:
        Some of its rows.
    """
    return predictions[[is_file(file) for file in predictions.iloc[:, 0]]]


def size_in_words(images: int, groups: Sequence[Hashable] | None, copies: bool) -> str:
    """Write the number of images and groups.

    Args:
        images: The number of images.
        groups: The group of each image, or None.
        copies: Whether the groups are copies.

    Returns:
        The text.

    Example:
        >>> size_in_words(1200, None, False), size_in_words(3, [1, 1, 2], True)
        ('1,200 images', '3 images, 2 distinct')
    """
    text = f"{images:,} image{'' if images == 1 else 's'}"
    if groups is None:
        return text
    return f"{text}, {len(set(groups)):,} {'distinct' if copies else 'groups'}"


def group_images(table: pd.DataFrame, groups: Sequence[Hashable] | str | None) -> dict[str, Any]:
    """Find what belongs together among images to evaluate on.

    Args:
        table: Images, with the column `filename`.
        groups: One value per image; `"copies"`, which takes the column `group` if there is one,
            and otherwise searches for copies; the name of another column; or None.

    Returns:
        `groups` and `groups_are_copies` of an evaluation.

    Raises:
        ValueError: If there is no such column.

    Example:
        >>> group_images(pd.DataFrame({"filename": ["a", "b"], "patient": [7, 7]}), "patient")
        {'groups': [7, 7], 'groups_are_copies': False}
    """
    found: list[Any] | None = None
    copies = False
    if isinstance(groups, str):
        column = "group" if groups == _COPIES and "group" in table else groups
        files = [str(file) for file in table["filename"]]
        if column in table:
            found = table[column].tolist()
        elif groups != _COPIES:
            raise ValueError(
                f"Expected groups to be 'copies' or a column of the table. Received: {groups!r}, "
                f"and the columns {list(table.columns)}."
            )
        elif all(is_readable_name(file) and is_file(file) for file in files):
            found = find_originals(table)
            copies = found is not None
    elif groups is not None:
        found = list(groups)
    return {"groups": found, "groups_are_copies": copies}


def check_all_read(table: pd.DataFrame) -> None:
    """Check that every image of a table of predictions could be read.

    Args:
        table: As a predictor returns it.

    Raises:
        BadImageError: If one could not.
    """
    # By place, as a class may be called "error".
    bad = table[table.iloc[:, 1].isna()]
    if len(bad):
        listed = list_bad_files(dict(zip(bad.iloc[:, 0], bad.iloc[:, -1])))
        raise BadImageError(
            f"{len(bad)} of {len(table)} image files", f"cannot be used: {listed}. Remove them"
        )
