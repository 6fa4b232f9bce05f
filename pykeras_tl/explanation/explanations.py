"""Why a classifier decided as it did: its predictions with saliency maps, ready to look at."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import keras
import numpy as np
import pandas as pd
from PIL import Image

from ..evaluation.figures.galleries import image_sheet
from ..evaluation.prediction_table import leading_columns
from ..images.decoding.resizing import crop_box
from ..images.decoding.thumbnails import read_thumbnail
from ..images.progress import progress_bar
from ..storage.atomic_files import atomic_directory, recover_directory
from ..visualization.rich_display import Display, Displayed
from ..visualization.style import shorten
from .overlays import overlay_map
from .saliency import Explainer

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..models.saving.classifier import Classifier, Paths
    from ..models.saving.multi_label import MultiLabelClassifier
    from ..models.saving.preprocess_config import PreprocessConfig
    from ..models.saving.regressor import Regressor

TABLE = "explanations.csv"
_SIDE = 480
_SHEET_COLUMNS, _SHEET_WIDTH = 3, 3.4


@dataclass(frozen=True, repr=False)
class Explanations(Displayed):
    """Predictions of images, and for each image a map of what speaks for a class.

    Attributes:
        predictions: As `Classifier.predict` returns them, with the column `class` after
            `filename` if the true classes are known.
        explained: The class that each map explains.
        maps: float32 array of shape (images, height, width), values from 0 to 1, of the size that
            the classifier resizes images to; NaN for files that cannot be read.
        class_names: The classes; empty for a regressor.
        images: How the classifier reads its images.
        method: How the maps were made.
    """

    predictions: pd.DataFrame
    explained: list[str]
    maps: np.ndarray
    class_names: list[str]
    images: PreprocessConfig
    method: str

    def __len__(self) -> int:
        return len(self.predictions)

    def _display(self) -> Display:
        table = self.predictions[["filename"]].assign(explained=self.explained)
        facts = {"images": len(self), "method": self.method}
        return Display("Explanations", facts, {"What was explained": table}, self.plot)

    @property
    def readable(self) -> np.ndarray:
        """Positions of the images that could be read and are explained."""
        return np.flatnonzero(np.isfinite(self.maps).all(axis=(1, 2)))

    def image(self, index: int, max_side: int = _SIDE) -> np.ndarray:
        """Read an image for display.

        Args:
            index: Its position in the table.
            max_side: Length of the longer side in pixels. Smaller images are not enlarged.

        Returns:
            RGB image, uint8 array of shape (height, width, 3).

        Raises:
            FileNotFoundError: If the file does not exist any more.
        """
        return read_thumbnail(self._file(index), max_side)

    def overlay(self, index: int, max_side: int = _SIDE) -> np.ndarray:
        """Draw a map over its image, in its own proportions.

        Args:
            index: The position of the image in the table.
            max_side: Length of the longer side in pixels. Smaller images are not enlarged.

        Returns:
            RGB image, uint8 array of shape (height, width, 3): violet is 0, yellow is 1.

        Raises:
            ValueError: If the file could not be read.
            FileNotFoundError: If it does not exist any more.
        """
        if index not in self.readable:
            raise ValueError(f"Image {index} could not be read, so it has no saliency map.")
        image = self.image(index, max_side)
        # Classifiers that keep the aspect ratio see only the middle of an image.
        left, top, right, bottom = crop_box(
            image.shape[:2], self.images.target_size, self.images.keep_aspect_ratio
        )
        saliency = np.zeros(image.shape[:2], "float32")
        seen = cv2.resize(self.maps[index], (right - left, bottom - top))
        saliency[top:bottom, left:right] = seen
        return overlay_map(image, saliency)

    def plot(self, count: int = 12, title: str | None = None) -> Figure:
        """Plot images beside their maps, with the predicted and the true class.

        Args:
            count: The largest number of images; the first ones are shown.
            title: Title of the figure, or None.

        Returns:
            The figure. Mistakes are in color.

        Raises:
            ValueError: If there is no image.
            FileNotFoundError: If an image file does not exist any more.
        """
        shown = self.readable[:count]
        if not len(shown):
            raise ValueError("Expected at least one image. Received: no image.")
        pairs = [_side_by_side(self.image(row), self.overlay(row)) for row in shown]
        captions = [self._caption(row) for row in shown]
        mistaken = [self._true(row) not in (None, self._predicted(row)) for row in shown]
        return image_sheet(pairs, captions, title, mistaken, _SHEET_COLUMNS, _SHEET_WIDTH)

    def save(self, folder: str | os.PathLike[str], max_side: int = _SIDE) -> Path:
        """Write the overlays as PNG, and a table that names them, to one folder, atomically.

        Args:
            folder: A new or empty folder, or one that holds earlier explanations, which are
                replaced.
            max_side: Length of the longer side of the overlays in pixels.

        Returns:
            The folder, with `explanations.csv`: the predictions, and the columns `explained` (the
            class) and `overlay` (the name of the file, missing for images that cannot be read).

        Raises:
            FileExistsError: If the folder holds anything else.
            OSError: If it cannot be written.
        """
        target = recover_directory(folder)
        if target.exists() and not (target / TABLE).exists() and any(target.iterdir()):
            raise FileExistsError(
                "Expected an empty folder or one with earlier explanations. Received: "
                f"{target}, which holds other files. Choose a new or empty folder."
            )
        names = pd.Series([None] * len(self), dtype=object)
        digits = len(str(len(self)))
        with atomic_directory(target) as new:
            for row in self.readable:
                stem = Path(self._file(row)).stem
                names[row] = name = f"{row + 1:0{digits}}_{shorten(stem, 60)}.png"
                Image.fromarray(self.overlay(row, max_side)).save(new / name)
            table = self.predictions.assign(explained=self.explained, overlay=names.to_numpy())
            table.to_csv(new / TABLE, index=False, errors="surrogateescape")
        return target

    def _file(self, row: int) -> str:
        return str(self.predictions.iloc[row, 0])

    def _true(self, row: int) -> str | None:
        known = self.predictions.columns[1] == "class"
        return str(self.predictions.iloc[row, 1]) if known else None

    def _predicted(self, row: int) -> str:
        return str(self.predictions.iloc[row, 2 if self.predictions.columns[1] == "class" else 1])

    def _caption(self, row: int) -> tuple[str, str, str]:
        file = shorten(Path(self._file(row)).name, 40)
        predicted = self._predicted(row)
        if not self.class_names:
            return f"{float(predicted):.4g}", f"why {shorten(self.explained[row], 24)}", file
        start = leading_columns(self.predictions)
        values = self.predictions.iloc[row, start : start + len(self.class_names)]
        shares = dict(zip(self.class_names, values))
        if predicted not in shares:
            why = self.explained[row]
            second = f"why {shorten(why, 24)} {shares[why]:.0%}"
            return shorten(predicted or "none", 30), second, file
        true = self._true(row)
        second = "" if true is None else f"is {shorten(true, 24)} {shares[true]:.0%}"
        if self.explained[row] != predicted:
            second += f"{', ' * bool(second)}why {shorten(self.explained[row], 24)}"
        return f"{shorten(predicted, 24)} {shares[predicted]:.0%}", second, file


def explain_images(
    classifier: Classifier | MultiLabelClassifier | Regressor,
    paths: Paths,
    classes: int | str | Sequence[int] | Sequence[str] | None = None,
    method: str = "grad_cam",
    layer: str | int | keras.Layer | None = None,
    batch_size: int = 32,
    patch: int | None = None,
) -> Explanations:
    """Predict the class of each image, and map which parts of the image speak for it.

    Of a multi-label classifier, the most probable label of each image is explained by default; of
    a regressor, what raises the number.

    Args:
        classifier: The classifier, or a multi-label classifier or a regressor.
        paths: A file; a folder, searched recursively for images; several of these; or a table
            with a column `filename` and, if the true classes are known, `class`, such as
            `worst_mistakes(evaluation.predictions)`.
        classes: The class to explain, by name or index, or one for each image. `None` is the
            predicted class.
        method: `"grad_cam"`, `"grad_cam++"`, `"score_cam"` or `"occlusion"`, as in
            `saliency_maps`.
        layer: The layer whose feature maps are used, as in `saliency_maps`.
        batch_size: Number of images read and predicted at a time.
        patch: Side of the square that `"occlusion"` moves, in pixels of the classifier's size.

    Returns:
        The predictions and the maps.

    Raises:
        FileNotFoundError: If a file or folder does not exist.
        BadImageError: If none of the files can be read.
        ValueError: If there is no image, no such class, method or layer, or the model has no
            layer with a spatial extent.

    Example:
        >>> from pykeras_tl.images import generate_blood_cells
        >>> from pykeras_tl.models import Classifier, PreprocessConfig
        >>> folder = generate_blood_cells("cells", train=1, test=1, test_simple=1, size=(24, 32))
        >>> model = keras.Sequential(
        ...     [keras.Input((12, 16, 3)), keras.layers.Conv2D(4, 3, activation="relu"),
        ...      keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2, "softmax")])
        >>> classifier = Classifier(model, ["cell", "dust"], PreprocessConfig((12, 16)))
        >>> explanations = explain_images(classifier, "cells/TEST", classes="dust")
        >>> explanations.maps.shape, explanations.overlay(0).shape
        ((4, 12, 16), (24, 32, 3))
    """
    from ..models.saving.regressor import Regressor

    if isinstance(classifier, Regressor) and (
        classes is not None or method in ("score_cam", "occlusion")
    ):
        raise ValueError(
            "Expected method='grad_cam' or 'grad_cam++' for a regressor, and no class. Received: "
            f"method={method!r}, classes={classes!r}."
        )
    explainer = Explainer(classifier.model, method, layer, batch_size, patch)
    table = classifier.predict(paths, batch_size)
    names = [] if isinstance(classifier, Regressor) else list(classifier.class_names)
    good = readable_rows(table)
    if isinstance(classifier, Regressor):
        explained = [classifier.target] * len(table)
        # Of a single output, 0 would be what lowers it.
        indices = np.ones(len(table), int)
    else:
        explained = _explained(classes, table, names)
        indices = np.array([names.index(name) if name else 0 for name in explained])
    maps = np.full((len(table), *classifier.target_size), np.nan, "float32")
    with progress_bar("Explaining", len(good)) as advance:
        for start in range(0, len(good), batch_size):
            rows = good[start : start + batch_size]
            batch = np.stack([classifier.images.read(table.iloc[row, 0]) for row in rows])
            maps[rows] = explainer.maps([batch], indices[rows], advance)
    if isinstance(paths, pd.DataFrame) and "class" in paths and names:
        table.insert(1, "class", paths["class"].tolist(), allow_duplicates=True)
    return Explanations(table, explained, maps, names, classifier.images, method)


def readable_rows(predictions: pd.DataFrame) -> np.ndarray:
    """Return the positions of the images that `Classifier.predict` could read.

    Args:
        predictions: What it returned.

    Returns:
        int array.
    """
    return np.flatnonzero(predictions.iloc[:, 1].notna())


def _explained(classes: Any, table: pd.DataFrame, names: list[str]) -> list[str]:
    if classes is None:
        if set(table.iloc[:, 1].dropna()) <= set(names):
            return ["" if pd.isna(name) else name for name in table.iloc[:, 1]]
        # Of several labels, or none, the most probable one.
        values = table.iloc[:, 2 : 2 + len(names)].to_numpy()
        return ["" if np.isnan(row).all() else names[int(row.argmax())] for row in values]
    one = isinstance(classes, str) or np.ndim(classes) == 0
    wanted = [classes] * len(table) if one else list(classes)
    if len(wanted) != len(table):
        raise ValueError(
            f"Expected one class, or one for each of {len(table)} images. Received: {len(wanted)}."
        )
    for each in wanted:
        known = each in names if isinstance(each, str) else 0 <= int(each) < len(names)
        if not known:
            raise ValueError(
                f"Expected one of the classes {names}, or an index from 0 to {len(names) - 1}. "
                f"Received: {each!r}."
            )
    return [each if isinstance(each, str) else names[int(each)] for each in wanted]


def _side_by_side(image: np.ndarray, overlay: np.ndarray) -> np.ndarray:
    gap = np.full((len(image), max(2, image.shape[1] // 40), 3), 255, np.uint8)
    return np.concatenate([image, gap, overlay], axis=1)
