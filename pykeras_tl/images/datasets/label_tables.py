"""Tables that say what images show: several labels, or a number, in a CSV file or a data frame."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

# What may not stand in a label: tables of predictions have it between labels.
_RESERVED = "|"
_NAMED = 3
_TRUTH = {"true": "1", "True": "1", "TRUE": "1", "false": "0", "False": "0", "FALSE": "0"}


def read_label_table(
    data: pd.DataFrame | str | os.PathLike[str],
    directory: str | os.PathLike[str] | None = None,
    x_col: str = "filename",
) -> pd.DataFrame:
    r"""Read a table of images.

    Args:
        data: A data frame, or the path of a CSV file.
        directory: The folder that the file names are relative to; that of the CSV file by
            default, and the working directory for a data frame.
        x_col: The column with the file names.

    Returns:
        The table, with absolute paths in the column `filename`; of a CSV file, all values are text.

    Raises:
        FileNotFoundError: If the CSV file, the folder or an image does not exist.
        ValueError: If there is no such column, no row, or an image has several rows.

    Example:
        >>> Path("cats").mkdir()
        >>> Path("cats/1.png").touch()
        >>> _ = Path("cats/table.csv").write_text("filename,age\n1.png,3\n")
        >>> read_label_table("cats/table.csv")["age"].tolist()
        ['3']
    """
    folder = Path() if directory is None else Path(directory).expanduser()
    if isinstance(data, pd.DataFrame):
        table = data.reset_index(drop=True)
    else:
        path = Path(data).expanduser()
        if path.is_dir():
            raise ValueError(
                f"Expected a data frame or a CSV file with a row for each image. Received: the "
                f"folder {path}. Pass the CSV file, and the folder as `directory` (--images on "
                "the command line)."
            )
        if not path.is_file():
            raise FileNotFoundError(f"Expected a CSV file. Received: {path}, which does not exist.")
        # As text: "007" is a name, and "NA" can be a label. Spreadsheets write a mark before UTF-8.
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
        folder = path.parent if directory is None else folder
    if directory is not None and not folder.is_dir():
        raise FileNotFoundError(f"Expected a folder of images. Received: {folder}.")
    names = [str(name) for name in _column(table, x_col)]
    if not names:
        raise ValueError("Expected a table with a row for each image. Received: no row.")
    files = [str((folder / name).absolute()) for name in names]
    missing = [name for name, file in zip(names, files) if not Path(file).is_file()]
    if missing:
        raise FileNotFoundError(
            f"Expected image files in {folder.absolute()}. Missing: {len(missing)} of "
            f"{len(files)}, such as {', '.join(missing[:_NAMED])}. Pass their folder as "
            "`directory`."
        )
    twice = pd.Series(files)[pd.Series(files).duplicated()].unique()
    if len(twice):
        raise ValueError(
            f"Expected one row for each image. Received: several for {len(twice)} images, such as "
            f"{twice[0]}. Join the labels of an image, with a separator between them."
        )
    return table.assign(filename=files)


def read_labels(
    table: pd.DataFrame, y_col: str | Sequence[str], separator: str = ";"
) -> tuple[np.ndarray, list[str]]:
    """Read which labels each image has.

    Args:
        table: One row for each image.
        y_col: A column with the labels of an image: text with a separator between them, or a list;
            empty for none. Or several columns, one for each label, with 0 and 1, or false and true.
        separator: What stands between labels.

    Returns:
        bool array of shape (images, labels), and the labels: sorted, or the columns in their
        order.

    Raises:
        ValueError: If there is no such column, there are fewer than two labels, a label has a
            character that it must not have, or columns hold anything but 0 and 1.

    Example:
        >>> table = pd.DataFrame({"labels": ["dog; cat", "cat", None]})
        >>> read_labels(table, "labels")
        (array([[ True,  True], [ True, False], [False, False]]), ['cat', 'dog'])
    """
    if not isinstance(y_col, str):
        return _indicators(table, [*y_col]), [*y_col]
    if not separator:
        raise ValueError("Expected a separator of one character or more. Received: ''.")
    rows = [_labels_of(value, separator) for value in _column(table, y_col, missing=True)]
    names = sorted(set().union(*rows)) if rows else []
    reserved = [name for name in names if _RESERVED in name]
    if reserved:
        raise ValueError(
            f"Expected labels without {_RESERVED!r}. Received: {reserved[0]!r}. Is "
            f"{_RESERVED!r} the separator? Pass separator={_RESERVED!r}."
        )
    if len(names) < 2:
        hint = "" if not names else f" Received: only {names[0]!r}, with {separator!r} between."
        raise ValueError(f"Expected at least two labels in the column {y_col!r}.{hint}")
    number = {name: index for index, name in enumerate(names)}
    matrix = np.zeros((len(rows), len(names)), bool)
    for row, labels in enumerate(rows):
        matrix[row, [number[name] for name in labels]] = True
    return matrix, names


def read_target(table: pd.DataFrame, y_col: str) -> np.ndarray:
    """Read the number of each image.

    Args:
        table: One row for each image.
        y_col: The column with the numbers.

    Returns:
        float64 array of shape (images,).

    Raises:
        ValueError: If there is no such column, or a row has no finite number.

    Example:
        >>> read_target(pd.DataFrame({"age": ["3", "4.5"]}), "age")
        array([3. , 4.5])
    """
    values = _column(table, y_col, missing=True)
    numbers = pd.to_numeric(values, errors="coerce").to_numpy("float64")
    bad = np.flatnonzero(~np.isfinite(numbers))
    if len(bad):
        row = bad[0]
        of = f" of {table['filename'].iloc[row]}" if "filename" in table else ""
        raise ValueError(
            f"Expected a number in each row of the column {y_col!r}. Received: none in {len(bad)} "
            f"of {len(table)} rows, such as {values.iloc[row]!r}{of}. Leave these images out, or "
            "use the column as labels."
        )
    return numbers


def _labels_of(value: Any, separator: str) -> set[str]:
    if isinstance(value, str):
        parts: Iterable[Any] = value.split(separator)
    elif isinstance(value, Sequence | set | frozenset | np.ndarray):
        parts = value
    else:
        parts = [] if value is None or pd.isna(value) else [value]
    return {text for part in parts if (text := str(part).strip())}


def _indicators(table: pd.DataFrame, columns: list[str]) -> np.ndarray:
    if len(columns) < 2 or len(set(columns)) < len(columns):
        raise ValueError(f"Expected two or more different columns of labels. Received: {columns}.")
    values = [
        pd.to_numeric(_column(table, name).replace(_TRUTH), errors="coerce") for name in columns
    ]
    for name, column in zip(columns, values):
        if not column.isin([0, 1]).all():
            raise ValueError(
                f"Expected 0 or 1 in each row of the column {name!r}. Received: "
                f"{table[name][~column.isin([0, 1])].iloc[0]!r}."
            )
    return np.stack([column.to_numpy() == 1 for column in values], axis=1)


def _column(table: pd.DataFrame, name: str, missing: bool = False) -> pd.Series:
    if name not in table:
        raise ValueError(
            f"Expected a table with the column {name!r}. Received: {list(table.columns)}."
        )
    if not missing and table[name].isna().any():
        raise ValueError(
            f"Expected a value in each row of the column {name!r}. Received: "
            f"{int(table[name].isna().sum())} rows without one."
        )
    return table[name]
