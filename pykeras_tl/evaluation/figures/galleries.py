"""Sheets of images: the worst mistakes, or the next batches of a flow.

`plot_images` shows what a model receives, augmentation included: the quickest check of a flow.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...images.decoding.thumbnails import read_thumbnail
from ...visualization.style import (
    COLORS,
    MUTED_TEXT_COLOR,
    TEXT_COLOR,
    finalize,
    new_figure,
    shorten,
)
from ..prediction_table import (
    class_names_of,
    files_of,
    predicted_indices,
    probabilities_of,
    true_indices,
)

_COLUMNS, _WIDTH = 5, 2.1


def worst_mistakes(predictions: pd.DataFrame, count: int = 20) -> pd.DataFrame:
    """List the mistakes with the highest confidence, the worst first.

    Args:
        predictions: A table as returned by `predict_flow`, with the true classes.
        count: The largest number of mistakes.

    Returns:
        The columns `filename`, `class` (the true one), `predicted`, `probability` (of the
        predicted class) and `probability_true`; the row labels are those of `predictions`.

    Raises:
        ValueError: If the true classes are unknown.

    Example:
        >>> from pykeras_tl.evaluation import prediction_table
        >>> values = np.array([[0.9, 0.1], [0.6, 0.4]])
        >>> table = prediction_table(["a", "b"], ["dog", "dog"], values, ["cat", "dog"])
        >>> worst_mistakes(table)["filename"].tolist()
        ['a', 'b']
    """
    names = np.array(class_names_of(predictions), dtype=object)
    true, predicted = true_indices(predictions), predicted_indices(predictions)
    values = probabilities_of(predictions)
    rows = np.arange(len(values))
    certainty = values[rows, predicted]
    wrong = np.flatnonzero(true != predicted)
    chosen = wrong[np.argsort(-certainty[wrong], kind="stable")][:count]
    return pd.DataFrame(
        {
            "filename": np.array(files_of(predictions), dtype=object)[chosen],
            "class": names[true[chosen]],
            "predicted": names[predicted[chosen]],
            "probability": certainty[chosen],
            "probability_true": values[chosen, true[chosen]],
        },
        index=predictions.index[chosen],
    )


def plot_mistakes(
    predictions: pd.DataFrame,
    count: int = 20,
    title: str | None = None,
    images: Sequence[np.ndarray] | np.ndarray | None = None,
) -> Figure:
    """Plot the images of the mistakes with the highest confidence, with their file names.

    Args:
        predictions: A table as returned by `predict_flow`, with the true classes.
        count: The largest number of images.
        title: Title of the figure, or None.
        images: The images of all rows, if they come from an array and not from files; shape
            (images, height, width, channels).

    Returns:
        The figure; it says "No mistakes." if there are none.

    Raises:
        ValueError: If the true classes are unknown.
        FileNotFoundError: If an image file is missing.

    Example:
        >>> from pykeras_tl.evaluation import prediction_table
        >>> values = np.array([[0.9, 0.1]])
        >>> table = prediction_table(["0"], ["dog"], values, ["cat", "dog"])
        >>> figure = plot_mistakes(table, images=np.zeros((1, 8, 8, 3)))
        >>> len(figure.axes)
        1
    """
    worst = worst_mistakes(predictions, count)
    if worst.empty:
        figure = new_figure(6, 1.6, title)
        figure.text(0.5, 0.4, "No mistakes.", ha="center", fontsize=12, color=TEXT_COLOR)
        return finalize(figure)
    if images is None:
        shown = [read_thumbnail(file) for file in worst["filename"]]
    else:
        shown = [images[int(row)] for row in predictions.index.get_indexer(worst.index)]
    captions = [
        (
            f"{shorten(predicted, 20)} {probability:.0%}",
            f"is {shorten(true, 20)} {probability_true:.0%}",
            shorten(Path(file).name, 26),
        )
        for file, true, predicted, probability, probability_true in worst.to_numpy()
    ]
    return image_sheet(_for_display(shown), captions, title)


def plot_label_errors(suspects: pd.DataFrame, count: int = 30, title: str | None = None) -> Figure:
    """Plot the images whose labels are probably wrong, the most doubtful first.

    Args:
        suspects: A table as returned by `suspect_labels`.
        count: The largest number of images.
        title: Title of the figure, or None.

    Returns:
        The figure, with the suggested class, the label and their probabilities below each image;
        it says "No suspects." if there are none.

    Raises:
        FileNotFoundError: If an image file is missing.

    Example:
        >>> columns = ["filename", "class", "suggested", "probability", "probability_given"]
        >>> plot_label_errors(pd.DataFrame(columns=columns)).texts[-1].get_text()
        'No suspects.'
    """
    if suspects.empty:
        figure = new_figure(6, 1.6, title)
        figure.text(0.5, 0.4, "No suspects.", ha="center", fontsize=12, color=TEXT_COLOR)
        return finalize(figure)
    rows = suspects.head(count).to_dict("records")
    captions = [
        (
            f"{shorten(row['suggested'], 20)}? {row['probability']:.0%}",
            f"labelled {shorten(row['class'], 14)} {row['probability_given']:.0%}",
            shorten(Path(row["filename"]).name, 26),
        )
        for row in rows
    ]
    return image_sheet([read_thumbnail(row["filename"]) for row in rows], captions, title)


def plot_images(source: Any, count: int = 15, title: str | None = None) -> Figure:
    """Plot a sheet of images with their classes.

    Args:
        source: A flow (its next batches are taken with `next(flow)`, so the sheet shows what a
            model receives, augmentation included), a table with the columns `filename` and
            optionally `class`, or an array of shape (images, height, width, channels).
        count: The largest number of images.
        title: Title of the figure, or None.

    Returns:
        The figure. Float images are scaled to the display range, all by the same factor: values
        in 0..1 and 0..255 as they are, others from the smallest to the largest value.

    Raises:
        ValueError: If there is no image, or the table has no column `filename`.

    Example:
        >>> len(plot_images(np.zeros((3, 8, 8, 1))).axes)
        3
    """
    images, names = _images_of(source, count)
    if not len(images):
        raise ValueError("Expected at least one image. Received: no image.")
    return image_sheet(_for_display(images), [(shorten(name, 24),) for name in names], title)


def _images_of(source: Any, count: int) -> tuple[list[np.ndarray], list[str]]:
    if isinstance(source, pd.DataFrame):
        if "filename" not in source:
            raise ValueError(
                f"Expected a table with a column filename. Received: the columns {list(source)}."
            )
        rows = source.head(count)
        files = rows["filename"]
        names = rows["class"] if "class" in rows else [Path(file).name for file in files]
        return [read_thumbnail(file) for file in files], [str(name) for name in names]
    if isinstance(source, np.ndarray):
        return list(source[:count]), [""] * len(source[:count])
    return _next_of_flow(source, count)


def _next_of_flow(flow: Any, count: int) -> tuple[list[np.ndarray], list[str]]:
    classes = flow.class_names
    images: list[np.ndarray] = []
    names: list[str] = []
    while len(images) < min(count, flow.n):
        batch = next(flow)
        x, y = (batch[0], batch[1]) if isinstance(batch, tuple) else (batch, None)
        images.extend(x)
        names.extend([""] * len(x) if y is None else _names(np.asarray(y), classes))
    return images[:count], names[:count]


def _names(targets: np.ndarray, classes: list[str] | None) -> list[str]:
    if targets.ndim == 2 and targets.shape[1] > 1:
        targets = targets.argmax(axis=1)
    numbers = [int(number) for number in targets.reshape(-1)]
    return [classes[number] if classes else str(number) for number in numbers]


def _for_display(images: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Scale images of any range to uint8, all by the same factor."""
    if all(image.dtype == np.uint8 for image in images):
        return list(images)
    low = min(float(image.min()) for image in images)
    high = max(float(image.max()) for image in images)
    if low >= 0 and high <= 255:
        low, high = 0.0, 1.0 if high <= 1 else 255.0
    factor = 255 / max(high - low, 1e-9)
    return [((image - low) * factor).round().astype("uint8") for image in images]


def image_sheet(
    images: Sequence[np.ndarray],
    captions: Sequence[tuple[str, ...]],
    title: str | None,
    mistaken: Sequence[bool] | None = None,
    columns: int = _COLUMNS,
    width: float = _WIDTH,
) -> Figure:
    """Plot images with captions in rows and columns.

    Args:
        images: uint8 arrays of shape (height, width, 1 or 3).
        captions: Lines of text for each image, at most three; as many for each.
        title: Title of the figure, or None.
        mistaken: Whether the first of several lines is emphasized as a mistake; `None` for all.
        columns: The largest number of images in a row.
        width: Width of a column in inches.

    Returns:
        The figure.

    Example:
        >>> len(image_sheet([np.zeros((8, 8, 3), np.uint8)] * 2, [("a",), ("b",)], None).axes)
        2
    """
    columns = min(columns, len(images))
    rows = math.ceil(len(images) / columns)
    lines = len(captions[0]) if any(map(any, captions)) else 0
    height = (width - 0.1) * float(np.median([image.shape[0] / image.shape[1] for image in images]))
    figure = new_figure(width * columns, (height + 0.2 + 0.17 * lines) * rows + 0.4, title)
    figure.get_layout_engine().set(wspace=0.03, hspace=0.03)  # type: ignore[union-attr, call-arg]
    for number, (image, caption) in enumerate(zip(images, captions)):
        axes = figure.add_subplot(rows, columns, number + 1)
        flat = image[..., 0] if image.shape[-1] == 1 else image[..., :3]
        axes.imshow(flat, cmap="gray", vmin=0, vmax=255)
        axes.set_axis_off()
        _write_caption(axes, caption, mistaken is None or mistaken[number])
    return finalize(figure)


def _write_caption(axes: Axes, caption: tuple[str, ...], mistaken: bool) -> None:
    looks = (
        {"color": COLORS[1] if mistaken else TEXT_COLOR, "fontweight": "bold", "fontsize": 8.5},
        {"color": TEXT_COLOR, "fontsize": 8.5},
        {"color": MUTED_TEXT_COLOR, "fontsize": 7},
    )
    if len(caption) == 1:
        looks = ({"color": TEXT_COLOR, "fontsize": 8.5},) * 3
    for line, (text, look) in enumerate(zip(caption, looks)):
        axes.annotate(
            text,
            (0, 0),
            xycoords="axes fraction",
            xytext=(0, -11 - 11.5 * line),
            textcoords="offset points",
            **look,  # type: ignore[arg-type]
        )
