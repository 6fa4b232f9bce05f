"""Iterator over the image files that a table lists."""

# Plain text paths: making a Path for each of many files costs more than the call itself.
# ruff: noqa: PTH118
from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from itertools import compress
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from ..datasets.file_names import readable_extensions, validate_filename
from ..decoding.value_range import DtypeRange
from ..transforms.augmenter import Augmenter
from .file_iterator import FileIterator, find_bad_files, print_message
from .labels import validate_class_mode
from .options import ImageOptions, empty_subset, subset_fractions

_CLASS_MODES = ("binary", "categorical", "input", "multi_output", "raw", "sparse", None)
_WITHOUT_CLASSES = ("input", "multi_output", "raw", None)


class DataFrameIterator(FileIterator):
    """Batches of images from a table, as `ImageDataGenerator.flow_from_dataframe` returns.

    Args:
        dataframe: Table with one row for each image.
        directory: Folder that the file names are relative to; None for the working directory.
        image_data_generator: Augmentation and standardization; None for neither.
        x_col: Column with the file names.
        y_col: Column, or columns, with the labels.
        weight_col: Column with the sample weights.
        target_size: Height and width in pixels that all images are resized to.
        color_mode: "rgb", "rgba" or "grayscale".
        classes: Names of the classes in the order of their numbers; those in the table,
            sorted, when None.
        class_mode: "categorical", "sparse", "binary", "raw", "multi_output", "input", or None.
        batch_size: Images in a batch; the last one of an epoch may be smaller.
        shuffle: Whether to shuffle the images for each epoch.
        seed: Makes order and augmentation repeatable.
        data_format: "channels_last" or "channels_first"; Keras's setting when None.
        save_to_dir: Existing folder where the images of each batch are saved.
        save_prefix: Prefix of the names there.
        save_format: Format of the files there.
        subset: "training" or "validation".
        interpolation: How to resize, as in `read_image`.
        keep_aspect_ratio: Whether to crop images to the aspect ratio of `target_size` before
            they are resized.
        dtype: Data type of the batches; Keras's `floatx` when None.
        validate_filenames: Whether to leave out, with a warning, files that do not exist or
            have no image extension.
        check: "all" decodes every file before the first batch.
        on_bad: "raise" an error for a bad file, or "skip" to set all of them aside.
        workers: Number of threads; one for each available processor when None.
        cache: Whether to keep decoded images for later epochs.
        formats: "keras" for files with Keras's extensions, or "all" that can be read.
        dtype_range: The range of values in the files that becomes 0..255, as in `read_image`.

    Raises:
        TypeError: When a column has values of the wrong type.
        ValueError: When a column is missing, or an argument is out of range or unknown.
        BadImageError: With `check="all"`, when a file cannot be read and `on_bad` is "raise".

    Example:
        >>> from PIL import Image
        >>> Image.new("RGB", (9, 9)).save("1.png")
        >>> table = pd.DataFrame({"filename": ["1.png"], "age": [7.5]})
        >>> iterator = DataFrameIterator(
        ...     table, y_col="age", class_mode="raw", target_size=(8, 8))
        Found 1 validated image filenames.
        >>> x, y = next(iterator)
        >>> x.shape, y
        ((1, 8, 8, 3), array([7.5]))

    Source:
        `keras.src.legacy.preprocessing.image.DataFrameIterator`. As there, `subset` takes the
        first rows of the table for validation, whatever their class, and a table without a
        usable file gives an iterator of length 0; unlike there, with a warning.
    """

    def __init__(
        self,
        dataframe: pd.DataFrame,
        directory: str | os.PathLike[str] | None = None,
        image_data_generator: Augmenter | None = None,
        x_col: str = "filename",
        y_col: str | list[str] = "class",
        weight_col: str | None = None,
        target_size: tuple[int, int] = (256, 256),
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
        formats: str = "keras",
        dtype_range: DtypeRange = None,
    ) -> None:
        options = ImageOptions(
            target_size=target_size,
            color_mode=color_mode,
            interpolation=interpolation,
            keep_aspect_ratio=keep_aspect_ratio,
            data_format=data_format or keras.config.image_data_format(),
            dtype=dtype or keras.config.floatx(),
            save_to_dir=save_to_dir,
            save_prefix=save_prefix,
            save_format=save_format,
            subset=subset,
            check=check,
            on_bad=on_bad,
            cache=cache,
            formats=formats,
            dtype_range=dtype_range,
        )
        fractions = subset_fractions(subset, image_data_generator)
        validate_class_mode(class_mode, _CLASS_MODES)
        folder = os.fspath(directory) if directory is not None else ""
        _validate_columns(dataframe, class_mode, x_col, y_col, weight_col, classes)
        table = dataframe.copy()
        if validate_filenames:
            table = _with_valid_names(table, folder, x_col, options.extensions)
        names = None
        if class_mode not in _WITHOUT_CLASSES:
            table, names = _with_classes(table, y_col, classes)
        if fractions:
            start, stop = (int(fraction * len(table)) for fraction in fractions)
            table = table.iloc[start:stop]
        empty_split = subset if fractions and fractions[0] == fractions[1] else None
        _print_count(table, folder, validate_filenames, names, empty_split)
        keep, bad_files = find_bad_files(folder, table[x_col], options, workers)
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
        self._set_labels(table, y_col)

    @property
    def labels(self) -> Any:
        """Labels of all samples: class numbers, or the values of the label columns."""
        return self._values if self.class_mode in ("multi_output", "raw") else self.classes

    def _set_labels(self, table: pd.DataFrame, y_col: str | list[str]) -> None:
        if self.class_mode == "multi_output":
            self._values: Any = [np.array(table[column].tolist()) for column in y_col]
        elif self.class_mode == "raw":
            self._values = table[y_col].to_numpy()
        elif self.class_indices is not None:
            self.classes = [self._class_numbers(label) for label in table[y_col]]

    def _class_numbers(self, label: Any) -> int | list[int]:
        assert self.class_indices is not None
        if isinstance(label, (list, tuple)):
            return [self.class_indices[name] for name in label]
        return self.class_indices[label]


def _with_valid_names(
    table: pd.DataFrame, folder: str, x_col: str, extensions: tuple[str, ...]
) -> pd.DataFrame:
    paths = [os.path.join(folder, name) for name in table[x_col]]
    valid = np.array([validate_filename(path, extensions) for path in paths], bool)
    if not valid.all():
        invalid = list(compress(paths, ~valid))
        readable = [path for path in invalid if validate_filename(path, readable_extensions())]
        hint = ""
        if readable:
            hint = (
                f" {len(readable)} of them are images of formats that Keras passes over, such as "
                f'{readable[0]}; pass formats="all" to read them.'
            )
        else:
            hint = f" The first is {invalid[0]}{_likely_name(invalid[0], extensions)}."
        warnings.warn(
            f'Found {len(invalid)} invalid image filename(s) in x_col="{x_col}". '
            f"These filename(s) will be ignored.{hint}",
            stacklevel=4,
        )
    return table[valid]


def _likely_name(path: str, extensions: tuple[str, ...]) -> str:
    """Say under which other name a missing file exists; "" if under none."""
    slashes = path.replace("\\", "/")
    for stem, advice in ((path, ""), (slashes, "replace the backslashes by / and ")):
        if stem != path and validate_filename(stem, extensions):
            return f", but {stem} exists: replace the backslashes by /"
        for ending in extensions:
            if validate_filename(f"{stem}.{ending}", extensions):
                return f", but {stem}.{ending} exists: {advice}append the ending"
    return ""


def _print_count(
    table: pd.DataFrame,
    folder: str,
    validated: bool,
    names: list[str] | None,
    empty_split: str | None,
) -> None:
    kind = "validated" if validated else "non-validated"
    belonging = f" belonging to {len(names)} classes" if names is not None else ""
    print_message(f"Found {len(table)} {kind} image filenames{belonging}.")
    if not len(table):
        warnings.warn(
            empty_subset(empty_split)
            if empty_split
            else f"The table lists no image file in {folder or Path.cwd()}. Check the file names, "
            "`directory`, `classes` and `subset`.",
            stacklevel=4,
        )


def _validate_columns(
    table: pd.DataFrame,
    class_mode: str | None,
    x_col: str,
    y_col: str | list[str],
    weight_col: str | None,
    classes: Sequence[str] | None,
) -> None:
    if class_mode == "multi_output" and not isinstance(y_col, list):
        raise TypeError(
            f'Expected y_col to be a list of columns with class_mode="multi_output". '
            f"Received: {y_col!r}"
        )
    labels = [] if class_mode in ("input", None) else y_col if isinstance(y_col, list) else [y_col]
    for column in (x_col, *labels, *([weight_col] if weight_col else [])):
        if column not in table:
            raise ValueError(
                f"Expected a table with the column {column!r}. Received: {list(table.columns)}"
            )
    _validate_types(table[x_col], x_col, "strings", (str,))
    if class_mode in ("binary", "sparse"):
        _validate_labels(table[y_col], y_col, class_mode, "strings", (str,))
    if class_mode == "categorical":
        kinds = "strings, lists or tuples"
        _validate_labels(table[y_col], y_col, class_mode, kinds, (str, list, tuple))
    if class_mode == "binary":
        count = len(set(classes)) if classes else table[y_col].nunique()
        if count != 2:
            raise ValueError(f'Expected 2 classes with class_mode="binary". Received: {count}')
    if classes and class_mode in _WITHOUT_CLASSES:
        warnings.warn(
            f'`classes` will be ignored given the class_mode="{class_mode}"', stacklevel=4
        )
    if weight_col and not pd.api.types.is_numeric_dtype(table[weight_col].dtype):
        raise TypeError(
            f"Expected the column {weight_col!r} to hold numbers. "
            f"Received: {table[weight_col].dtype}"
        )


def _validate_types(values: Any, column: Any, kinds: str, types: tuple[type, ...]) -> None:
    for value in values:
        if not isinstance(value, types):
            raise TypeError(f"Expected the column {column!r} to hold {kinds}. Received: {value!r}")


def _validate_labels(
    values: Any, column: Any, class_mode: str, kinds: str, types: tuple[type, ...]
) -> None:
    for value in values:
        if not isinstance(value, types):
            raise TypeError(
                f"Expected the column {column!r} to hold {kinds} with class_mode={class_mode!r}. "
                f"Received: {value!r}. Numbers of classes become names with "
                f'table["{column}"].astype(str); for other numbers, use class_mode="raw".'
            )


def _with_classes(
    table: pd.DataFrame, y_col: Any, classes: Sequence[str] | None
) -> tuple[pd.DataFrame, list[str]]:
    """Return the rows that belong to one of the classes, and the classes in order."""
    if not classes:
        names: set[str] = set()
        for label in table[y_col]:
            names.update(label if isinstance(label, (list, tuple)) else [label])
        return table.dropna(subset=[y_col]), sorted(names)
    names_in_order = list(dict.fromkeys(classes))
    labels = [_restricted(label, names_in_order) for label in table[y_col]]
    present = np.array([label is not None for label in labels], bool)
    table = table.assign(**{y_col: pd.Series(labels, index=table.index, dtype=object)})
    return table[present], names_in_order


def _restricted(label: Any, classes: Sequence[str]) -> Any:
    """Return a sample's label, or list of labels, without other classes; None if none is left."""
    if isinstance(label, (list, tuple)):
        return [name for name in label if name in classes] or None
    return label if label in classes else None
