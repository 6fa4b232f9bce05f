"""Flows over the files that a table lists."""

# Plain text paths: making a Path for each of many files costs more than the call itself.
# ruff: noqa: PTH113, PTH118
from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..datasets.folders import is_image_name
from ..transforms.augmenter import Augmenter
from .file_iterator import FileIterator, announce, find_bad_files, subset_fractions
from .options import ImageOptions

_CLASS_MODES = ("binary", "categorical", "input", "multi_output", "raw", "sparse", None)
_WITHOUT_CLASSES = ("input", "multi_output", "raw", None)


class DataFrameIterator(FileIterator):
    """Batches of images listed in a table; `ImageDataGenerator.flow_from_dataframe` makes it.

    Args:
        dataframe: The table.
        directory: Folder that the names are relative to.
        image_data_generator: The settings; None for none.
        x_col: Column of the files' names.
        y_col: Column, or columns, of the labels.
        weight_col: Column of the samples' weights.
        target_size: Height and width that all images are resized to.
        color_mode: "rgb", "rgba" or "grayscale".
        classes: Names of the classes in the order wanted; those in the table when absent.
        class_mode: "categorical", "sparse", "binary", "raw", "multi_output", "input", or None.
        batch_size: Images in a batch.
        shuffle: Whether to mix the images anew for each epoch.
        seed: Makes order and augmentation repeatable.
        data_format: "channels_last" or "channels_first".
        save_to_dir: Folder where the images of each batch are saved.
        save_prefix: Start of the names there.
        save_format: Format of the files there.
        subset: "training" or "validation".
        interpolation: How to resize, as in `read_image`.
        keep_aspect_ratio: Whether to cut images to shape before they are resized.
        dtype: Type of the batches.
        validate_filenames: Whether to leave out names that are not image files.
        check: "all" decodes every file now.
        on_bad: "raise" an error for a bad file, or "skip" to set all of them aside now.
        workers: Threads to compute with; as many as there are processors when absent.
        cache: Whether to keep decoded images for later epochs.

    Raises:
        TypeError: When a column's values are of the wrong kind.
        ValueError: When no file is left, a column is missing, or an argument is unknown.
        BadImageError: When a file cannot be read and is not to be skipped.

    Source:
        `keras.src.legacy.preprocessing.image.DataFrameIterator`. As there, `subset` takes the
        first rows of the table for validation, whatever their class. Unlike there, a table
        with no usable file is an error.
    """

    def __init__(
        self,
        dataframe: pd.DataFrame,
        directory: str | os.PathLike[str] | None = None,
        image_data_generator: Augmenter | None = None,
        x_col: str = "filename",
        y_col: str | list[str] = "class",
        weight_col: str | None = None,
        target_size: Sequence[int] = (256, 256),
        color_mode: str = "rgb",
        classes: Sequence[str] | None = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        data_format: str | None = "channels_last",
        save_to_dir: str | os.PathLike[str] | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        subset: str | None = None,
        interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
        dtype: str | None = "float32",
        validate_filenames: bool = True,
        check: str | None = None,
        on_bad: str = "raise",
        workers: int | None = None,
        cache: bool = True,
    ) -> None:
        options = ImageOptions(
            target_size=target_size,
            color_mode=color_mode,
            interpolation=interpolation,
            keep_aspect_ratio=keep_aspect_ratio,
            data_format=data_format,
            dtype=dtype,
            save_to_dir=save_to_dir,
            save_prefix=save_prefix,
            save_format=save_format,
            subset=subset,
            check=check,
            on_bad=on_bad,
            cache=cache,
        )
        fractions = subset_fractions(subset, image_data_generator)
        if class_mode not in _CLASS_MODES:
            raise ValueError(f"Invalid class_mode: {class_mode}; expected one of: {_CLASS_MODES}")
        folder = os.fspath(directory) if directory is not None else ""
        _check_columns(dataframe, class_mode, x_col, y_col, weight_col, classes)
        table = dataframe.copy()
        if validate_filenames:
            table = _with_valid_names(table, folder, x_col)
        names = None
        if class_mode not in _WITHOUT_CLASSES:
            table, names = _with_classes(table, y_col, classes)
        if fractions:
            start, stop = (int(share * len(table)) for share in fractions)
            table = table.iloc[start:stop]
        _announce(len(table), folder, validate_filenames, names)
        paths = [os.path.join(folder, name) for name in table[x_col]]
        keep, bad_files = find_bad_files(paths, options, workers)
        table = table[keep]
        super().__init__(
            table[x_col].tolist(),
            folder,
            image_data_generator,
            options,
            bad_files,
            batch_size,
            shuffle,
            seed,
            workers,
        )
        self.class_mode = class_mode
        if names is not None:
            self.class_indices = {name: number for number, name in enumerate(names)}
        self.sample_weight = table[weight_col].to_numpy() if weight_col else None
        self._take_labels(table, y_col)

    @property
    def labels(self) -> Any:
        """Labels of all samples: class numbers, or the values of the label columns."""
        return self._values if self.class_mode in ("multi_output", "raw") else self.classes

    def _take_labels(self, table: pd.DataFrame, y_col: str | list[str]) -> None:
        if self.class_mode == "multi_output":
            self._values: Any = [np.array(table[column].tolist()) for column in y_col]
        elif self.class_mode == "raw":
            self._values = table[y_col].to_numpy()
        elif self.class_indices is not None:
            self.classes = [self._numbers(label) for label in table[y_col]]

    def _numbers(self, label: Any) -> int | list[int]:
        assert self.class_indices is not None
        if isinstance(label, (list, tuple)):
            return [self.class_indices[name] for name in label]
        return self.class_indices[label]


def _with_valid_names(table: pd.DataFrame, folder: str, x_col: str) -> pd.DataFrame:
    valid = np.array(
        [
            is_image_name(name) and os.path.isfile(os.path.join(folder, name))
            for name in table[x_col]
        ],
        bool,
    )
    if not valid.all():
        warnings.warn(
            f'Found {(~valid).sum()} invalid image filename(s) in x_col="{x_col}". '
            "These filename(s) will be ignored.",
            stacklevel=4,
        )
    return table[valid]


def _announce(count: int, folder: str, validated: bool, names: list[str] | None) -> None:
    kind = "validated" if validated else "non-validated"
    belonging = f" belonging to {len(names)} classes" if names is not None else ""
    announce(f"Found {count} {kind} image filenames{belonging}.")
    if not count:
        raise ValueError(
            f"No image file of the table was found in {folder or Path.cwd()}; check the names, "
            "`directory`, `classes` and `subset`."
        )


def _check_columns(
    table: pd.DataFrame,
    class_mode: str | None,
    x_col: str,
    y_col: str | list[str],
    weight_col: str | None,
    classes: Sequence[str] | None,
) -> None:
    if class_mode == "multi_output" and not isinstance(y_col, list):
        raise TypeError(
            f'If class_mode="{class_mode}", y_col must be a list. Received {type(y_col).__name__}.'
        )
    labels = [] if class_mode in ("input", None) else y_col if isinstance(y_col, list) else [y_col]
    for column in (x_col, *labels, *([weight_col] if weight_col else [])):
        if column not in table:
            raise ValueError(f"The table has no column {column!r}; it has {list(table.columns)}.")
    if not _all_are(table[x_col], str):
        raise TypeError(f"All values in column x_col={x_col} must be strings.")
    if class_mode in ("binary", "sparse") and not _all_are(table[y_col], str):
        raise TypeError(
            f'If class_mode="{class_mode}", y_col="{y_col}" column values must be strings.'
        )
    if class_mode == "binary":
        count = len(set(classes)) if classes else table[y_col].nunique()
        if count != 2:
            raise ValueError(f'If class_mode="binary" there must be 2 classes. Found {count}.')
    if class_mode == "categorical" and not _all_are(table[y_col], (str, list, tuple)):
        raise TypeError(
            f'If class_mode="{class_mode}", y_col="{y_col}" column values must be type string, '
            "list or tuple."
        )
    if classes and class_mode in _WITHOUT_CLASSES:
        warnings.warn(
            f'`classes` will be ignored given the class_mode="{class_mode}"', stacklevel=4
        )
    if weight_col and not pd.api.types.is_numeric_dtype(table[weight_col].dtype):
        raise TypeError(f"Column weight_col={weight_col} must be numeric.")


def _all_are(values: Any, kinds: Any) -> bool:
    return all(isinstance(value, kinds) for value in values)


def _with_classes(
    table: pd.DataFrame, y_col: Any, classes: Sequence[str] | None
) -> tuple[pd.DataFrame, list[str]]:
    """Keep the rows that belong to a class wanted, and list the classes."""
    if not classes:
        names: set[str] = set()
        for label in table[y_col]:
            names.update(label if isinstance(label, (list, tuple)) else [label])
        return table.dropna(subset=[y_col]), sorted(names)
    wanted = list(dict.fromkeys(classes))
    keep: Callable[[Any], Any] = lambda label: (  # noqa: E731
        ([name for name in label if name in wanted] or None)
        if isinstance(label, (list, tuple))
        else (label if label in wanted else None)
    )
    labels = [keep(label) for label in table[y_col]]
    present = np.array([label is not None for label in labels], bool)
    table = table.assign(**{y_col: pd.Series(labels, index=table.index, dtype=object)})
    return table[present], wanted
