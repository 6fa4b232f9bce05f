"""Corrections of a data set: images to leave out, and images that belong to another class.

They are a table that people fill in by hand or on the page of an audit, and keep beside the
images, so that the files themselves stay as they are.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

# A table of corrections, or the CSV file that holds it.
Corrections = pd.DataFrame | str | os.PathLike[str]

NEW_CLASS, EXCLUDE = "new_class", "exclude"
_YES = ("1", "true", "t", "yes", "y", "x")
_NO = ("", "0", "false", "f", "no", "n")


def read_corrections(source: Corrections) -> pd.DataFrame:
    """Read a table of corrections.

    Args:
        source: A CSV file, or a table: `filename` and at least one of `new_class` (the class
            that the image belongs to) and `exclude` (`yes`, `x`, `true` or `1` for an image to
            leave out). What is empty changes nothing. Other columns are ignored.

    Returns:
        The rows that change something, with the columns `filename`, `new_class` ("" if it stays)
        and `exclude`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a column is missing, a file has two different corrections, or `exclude`
            is neither yes nor no.

    Example:
        >>> lines = ["filename,new_class,exclude", "cat/1.png,,yes", "cat/2.png,dog,", "3.png,,"]
        >>> _ = Path("corrections.csv").write_text(chr(10).join(lines))
        >>> read_corrections("corrections.csv")
            filename new_class  exclude
        0  cat/1.png               True
        1  cat/2.png     dog      False
    """
    if isinstance(source, pd.DataFrame):
        table, name = source, "the table"
    else:
        # Nothing but an empty cell is missing: classes may be called "None" or "007".
        table = pd.read_csv(
            source, dtype=str, keep_default_na=False, encoding_errors="surrogateescape"
        )
        name = os.fspath(source)
    if "filename" not in table or not {NEW_CLASS, EXCLUDE} & set(table):
        raise ValueError(
            f"Expected corrections with the column filename, and {NEW_CLASS} or {EXCLUDE}. "
            f"Received: the columns {list(table)} of {name}."
        )
    read = pd.DataFrame({"filename": table["filename"].astype(str)}).reset_index(drop=True)
    for column in (NEW_CLASS, EXCLUDE):
        values = table[column] if column in table else pd.Series("", table.index)
        values = values.astype(object).where(values.notna(), "")
        read[column] = values.astype(str).str.strip().to_numpy()
    answers = read[EXCLUDE].str.lower()
    unknown = read.loc[~answers.isin([*_YES, *_NO]), EXCLUDE]
    if len(unknown):
        raise ValueError(
            f"Expected yes or nothing in the column {EXCLUDE} of {name}. "
            f"Received: {unknown.iloc[0]!r}."
        )
    read[EXCLUDE] = answers.isin(_YES)
    read = read[read[EXCLUDE] | (read[NEW_CLASS] != "")].drop_duplicates(ignore_index=True)
    twice = read["filename"][read["filename"].duplicated()]
    if len(twice):
        raise ValueError(
            f"Expected one correction of each image in {name}. "
            f"Received: several of {twice.iloc[0]}."
        )
    return read


def apply_corrections(
    tables: Mapping[str, pd.DataFrame], source: Corrections | None, root: Path | str
) -> dict[str, pd.DataFrame]:
    """Leave out the images that are to be excluded, and give others their new class.

    Args:
        tables: The images of each split, with the columns `filename` and `class`.
        source: What `read_corrections` takes; None changes nothing.
        root: The folder that the images are in. Names in the corrections are absolute, or
            relative to this folder or to one that it is in.

    Returns:
        The corrected tables. Warns of corrections whose image is in none of them.

    Raises:
        ValueError: If a new class is not one of the classes, or as `read_corrections` does.

    Example:
        >>> table = pd.DataFrame({"filename": ["/pets/cat/1.png", "/pets/dog/2.png"],
        ...     "class": ["cat", "dog"]})
        >>> corrections = pd.DataFrame({"filename": ["cat/1.png"], "new_class": ["dog"]})
        >>> apply_corrections({"train": table}, corrections, Path("/pets"))["train"]
                  filename class
        0  /pets/cat/1.png   dog
        1  /pets/dog/2.png   dog
    """
    if source is None:
        return dict(tables)
    corrections = read_corrections(source)
    files = pd.concat([table["filename"] for table in tables.values()])
    classes = sorted({name for table in tables.values() for name in table["class"]})
    strange = corrections.loc[~corrections[NEW_CLASS].isin(["", *classes]), NEW_CLASS]
    if len(strange):
        raise ValueError(
            f"Expected each {NEW_CLASS} to be one of {classes}. Received: {strange.iloc[0]!r}."
        )
    known = {_normal(name) for name in files}
    base = _base(corrections["filename"], known, root)
    corrections.index = pd.Index([_normal(base / name) for name in corrections["filename"]])
    missing = corrections[~corrections.index.isin(known)]
    if len(missing):
        warnings.warn(
            f"{len(missing)} of {len(corrections)} corrections name no image in {root}, such as "
            f"{missing['filename'].iloc[0]}.",
            stacklevel=3,
        )
    return {name: _corrected(table, corrections) for name, table in tables.items()}


def _corrected(table: pd.DataFrame, corrections: pd.DataFrame) -> pd.DataFrame:
    names = table["filename"].map(_normal)
    new = dict(zip(corrections.index, corrections[NEW_CLASS]))
    classes = [new.get(name) or given for name, given in zip(names, table["class"])]
    excluded = corrections.index[corrections[EXCLUDE]]
    return table.assign(**{"class": classes})[~names.isin(excluded)].reset_index(drop=True)


def _base(names: pd.Series, known: set[str], root: Path | str) -> Path:
    """Return the folder that the names are relative to: the images' own, or one that it is in."""
    folder = Path(_normal(root))
    for base in (folder, *folder.parents):
        if any(_normal(base / name) in known for name in names):
            return base
    return folder


def _normal(path: str | os.PathLike[str]) -> str:
    return os.path.normcase(os.path.normpath(Path(path).absolute()))
