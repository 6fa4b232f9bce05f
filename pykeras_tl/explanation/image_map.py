"""A map of images, where a network sees alike images beside each other, as a page to explore."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..evaluation.prediction_table import leading_columns
from ..images.datasets.directory_tree import readable_images_under
from ..images.decoding.thumbnails import read_thumbnail
from ..images.progress import progress_bar
from ..models.saving.image_predictor import check_one_class
from ..visualization.html_page import embed_image, write_page
from .explanations import readable_rows
from .features import PROJECTIONS, image_features, project

if TYPE_CHECKING:
    from ..models.saving.classifier import Classifier, Paths

_THUMBNAIL = 96
_NAMES = {"pca": "PCA", "tsne": "t\u2011SNE", "umap": "UMAP"}


@dataclass(frozen=True)
class ImageMap:
    """Images with their places on a plane.

    Attributes:
        table: One row per image: `filename`, `class` (the true class, None where it is unknown),
            `predicted`, `probability` (of the predicted class), `x` and `y`.
        features: What the network decides by, shape (images, features).
        class_names: The classes.
        projection: How the features became places.
    """

    table: pd.DataFrame
    features: np.ndarray
    class_names: list[str]
    projection: str

    def save(self, path: str | os.PathLike[str], title: str = "Map of images") -> Path:
        """Write the map as one self-contained HTML page, to move, zoom and point at.

        Args:
            path: The file to write; its folder is created if missing.
            title: The title.

        Returns:
            The path.

        Raises:
            FileNotFoundError: If an image file does not exist any more.
            OSError: If the page cannot be written.
        """
        points: list[dict[str, Any]] = []
        with progress_bar("Writing the map", len(self.table)) as advance:
            for file, true, predicted, probability, x, y in self.table.itertuples(index=False):
                points.append(
                    {
                        "x": round(float(x), 4),
                        "y": round(float(y), 4),
                        "name": "/".join(Path(file).parts[-2:]),
                        "true": -1 if true is None else self.class_names.index(true),
                        "predicted": self.class_names.index(predicted),
                        "probability": round(float(probability), 4),
                        "image": embed_image(read_thumbnail(file, _THUMBNAIL)).source,
                    }
                )
                advance(1)
        known = any(point["true"] >= 0 for point in points)
        mistakes = sum(point["true"] not in (-1, point["predicted"]) for point in points)
        return write_page(
            path,
            Path(__file__).with_name("image_map.html.j2"),
            script=Path(__file__).with_name("image_map.js").read_text(encoding="utf-8"),
            title=title,
            data={"points": points, "classes": self.class_names, "known": known},
            count=len(points),
            mistakes=mistakes if known else None,
            features=self.features.shape[1],
            projection=_NAMES[self.projection],
            distances=self.projection == "pca",
        )


def map_images(
    classifier: Classifier,
    paths: Paths,
    projection: str = "pca",
    batch_size: int = 32,
    seed: int = 0,
) -> ImageMap:
    """Place images on a plane, those that the network sees as alike beside each other.

    Args:
        classifier: The classifier.
        paths: A folder with one subfolder per class; any other folder, whose images have no
            known class; a file; several of these; or a table with a column `filename` and, if
            the true classes are known, `class`. Files that cannot be read are left out.
        projection: `"pca"`, where distances keep their meaning; `"tsne"`; or `"umap"`, which
            needs umap-learn (`pip install "pykeras-tl[umap]"`).
        batch_size: Number of images read and predicted at a time.
        seed: The seed of t-SNE and UMAP.

    Returns:
        The map.

    Raises:
        FileNotFoundError: If a file or folder does not exist.
        BadImageError: If none of the files can be read.
        ValueError: If the projection is unknown, there are fewer than three images, or a table
            has classes that the classifier does not know.
        ImportError: If the projection is `"umap"` and umap-learn is not installed.

    Example:
        >>> import keras
        >>> from pykeras_tl.images import generate_blood_cells
        >>> from pykeras_tl.models import Classifier, PreprocessConfig
        >>> folder = generate_blood_cells("cells", train=1, test=1, test_simple=1, size=(24, 32))
        >>> model = keras.Sequential(
        ...     [keras.Input((12, 16, 3)), keras.layers.GlobalAveragePooling2D(),
        ...      keras.layers.Dense(2, "softmax")])
        >>> classifier = Classifier(model, ["cell", "dust"], PreprocessConfig((12, 16)))
        >>> mapped = map_images(classifier, "cells/TEST")
        >>> mapped.table.columns.tolist()
        ['filename', 'class', 'predicted', 'probability', 'x', 'y']
        >>> mapped.save("map.html").name
        'map.html'
    """
    if projection not in PROJECTIONS:
        project(np.zeros((0, 0)), projection)
    check_one_class(classifier)
    names = classifier.class_names
    files, true = _files_and_classes(paths, names)
    predictions = classifier.predict(files, batch_size)
    good = readable_rows(predictions)
    features = []
    with progress_bar("Mapping", len(good)) as advance:
        for start in range(0, len(good), batch_size):
            rows = good[start : start + batch_size]
            batch = np.stack([classifier.images.read(predictions.iloc[row, 0]) for row in rows])
            features.append(image_features(classifier.model, batch, batch_size))
            advance(len(rows))
    found = np.concatenate(features)
    places = project(found, projection, seed)
    start = leading_columns(predictions)
    values = predictions.iloc[good, start : start + len(names)].to_numpy(dtype="float64")
    table = pd.DataFrame(
        {
            "filename": predictions.iloc[good, 0].tolist(),
            "class": [None if true is None else true[row] for row in good],
            "predicted": predictions.iloc[good, 1].tolist(),
            "probability": values.max(axis=1),
            "x": places[:, 0],
            "y": places[:, 1],
        }
    )
    return ImageMap(table, found, list(names), projection)


def _files_and_classes(paths: Paths, names: list[str]) -> tuple[Any, list[str] | None]:
    """Return what to predict, and the true classes if they are known."""
    if isinstance(paths, pd.DataFrame):
        if "class" not in paths:
            return paths, None
        strange = sorted(set(paths["class"]) - set(names))
        if strange:
            raise ValueError(
                f"Expected the classes that the classifier was trained on, {names}. Received: "
                f"{strange[:5]}."
            )
        return paths, paths["class"].tolist()
    if isinstance(paths, str | os.PathLike):
        folder = Path(paths).expanduser()
        files = list(readable_images_under(folder)) if folder.is_dir() else []
        classes = [Path(file).relative_to(folder).parts[0] for file in files]
        if files and set(classes) <= set(names):
            return files, classes
    return paths, None
