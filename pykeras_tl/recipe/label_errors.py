"""Labels that are probably wrong, found by classifiers that did not learn from them.

Each image is predicted by linear probes on a frozen network that learned from the other images;
where they contradict the label with more certainty than such predictions usually have, by the
rules of confident learning, the label is a suspect.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from ..evaluation.evaluation import Evaluation
from ..evaluation.figures import plot_label_errors, save_png
from ..evaluation.prediction_table import (
    class_names_of,
    files_of,
    prediction_table,
    probabilities_of,
    true_indices,
)
from ..images.auditing.review import write_review
from ..images.datasets.corrections import EXCLUDE, NEW_CLASS, Corrections, apply_corrections
from ..images.datasets.directory_tree import folder_or_url
from ..images.decoding.value_range import DtypeRange
from ..models.transfer import transfer_model
from ..storage.atomic_files import atomic_file
from ..studies.data_splits import without_bad_files
from ..studies.image_groups import add_groups
from ..training.linear_probe import probe_data
from ..visualization.rich_display import Display, Displayed
from .folder_splits import tables_on_disk
from .out_of_fold import out_of_fold_probabilities
from .planning import Request, first_choice
from .probing import image_flow
from .survey import survey_images

_logger = logging.getLogger(__name__)
# Pairs of classes that the summary lists.
_PAIRS = 8
# Of predictions that agree less with the labels, most suspects have the right label.
_WEAK = 0.8
_INSTALL = 'cleanlab is missing. Install it with pip install "pykeras-tl[labels]".'


@dataclass(frozen=True, repr=False)
class LabelErrors(Displayed):
    """The result of `find_label_errors`.

    Attributes:
        directory: The folder of images, or its URL.
        suspects: One row for each label that is probably wrong, as `suspect_labels` returns it.
        predictions: A table of predictions of all images by probes that did not learn from them.
    """

    directory: Path | str
    suspects: pd.DataFrame
    predictions: pd.DataFrame

    def _display(self) -> Display:
        facts = {
            "directory": str(self.directory),
            "images": len(self.predictions),
            "labels that are probably wrong": len(self.suspects),
        }
        return Display("Label errors", facts, {"Most doubtful first": self.suspects})

    def summary(self) -> str:
        """Return the findings in a few lines: how many, between which classes."""
        count, total = len(self.suspects), len(self.predictions)
        lines = [f"{count:,} of {total:,} labels in {self.directory} are probably wrong."]
        pairs = self.suspects[["class", "suggested"]].value_counts().reset_index()
        for given, suggested, number in pairs.head(_PAIRS).itertuples(index=False):
            lines.append(f"  {number:,} labelled {given}, probably {suggested}")
        agreed = Evaluation(self.predictions).accuracy
        if agreed < _WEAK:
            lines.append(
                f"The predictions agree with {agreed:.0%} of the labels only: many suspects are "
                "difficult images with the right label. The first are the most doubtful."
            )
        return "\n".join(lines)

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write the suspects as a table, a sheet and a page, and the predictions.

        Args:
            folder: The directory to write to, created if missing. `label_errors.csv` is the table
                to correct: write the right class into `new_class`, or `yes` into `exclude`, and
                pass the file as `corrections`. The page writes such a table too.

        Returns:
            The path of the page.

        Raises:
            OSError: If the directory is not writable.
        """
        target = Path(folder)
        suspects = self.suspects.assign(
            filename=[_relative(name, self.directory) for name in self.suspects["filename"]]
        )
        for name, table in (("label_errors", suspects), ("predictions", self.predictions)):
            with atomic_file(target / f"{name}.csv") as path:
                # Names on disk may hold bytes that are not valid UTF-8.
                table.to_csv(path, index=False, errors="surrogateescape")
        save_png(plot_label_errors(self.suspects), target / "label_errors.png")
        return write_review(
            target / "label_errors.html",
            self.suspects.assign(split="", issues=""),
            self.directory,
            class_names_of(self.predictions),
            title=f"Labels of {Path(self.directory).name} that are probably wrong",
        )


def find_label_errors(
    directory: str | os.PathLike[str],
    *,
    backbone: str | None = None,
    weights: str | os.PathLike[str] | None = "imagenet",
    target_size: tuple[int, int] | None = None,
    groups: str | None = "copies",
    repeats: int = 1,
    seed: int = 0,
    on_bad: str | None = "raise",
    dtype_range: DtypeRange = None,
    corrections: Corrections | None = None,
) -> LabelErrors:
    """Find labels of a folder of images that are probably wrong.

    Every image is predicted by a linear probe on a frozen pretrained network that learned from
    four fifths of the others, and cleanlab compares the probabilities with the labels. All
    images are looked at, whatever split they are in.

    Args:
        directory: A folder with one folder of images for each class, or one for each split with
            these in it.
        backbone: A name in `models.BACKBONES`. `None` takes one whose ImageNet weights are on this
            machine.
        weights: `"imagenet"`, the path of a weights file, or `None` for random weights.
        target_size: Height and width of the images in pixels; `None` chooses.
        groups: What belongs together, and so stays in one fold: `"copies"` of one image, a
            regular expression that finds the patient, slide or photograph in the file name, or
            `None`. Otherwise a wrong label that a copy shares is learned, and not found.
        repeats: How often the images are predicted, each time in other folds, 1 or more; the
            mean counts.
        seed: Seeds the folds.
        on_bad: What happens with files that cannot be read: `"raise"`, `"skip"`, or `None` to not
            look, as in `train_classifier`.
        dtype_range: The range of values in files of 16 bits or floating-point numbers, as in
            `train_classifier`.
        corrections: What is known to be wrong already, as in `train_classifier`.

    Returns:
        The suspects and the predictions.

    Raises:
        BadImageError: If files cannot be read and `on_bad` is `"raise"`.
        FileNotFoundError: If there is no such folder, or the weights are not available.
        ImportError: If cleanlab is not installed.
        ValueError: If a class has fewer than two distinct images, or an argument is out of range.

    Example:
        >>> found = find_label_errors("cells")  # doctest: +SKIP
        >>> found.save("cells-labels")  # doctest: +SKIP

    Source:
        Northcutt, Jiang and Chuang, Confident Learning: Estimating Uncertainty in Dataset Labels,
        2021.
    """
    if repeats < 1:
        raise ValueError(f"Expected repeats >= 1. Received: {repeats}.")
    _cleanlab()
    request = Request(
        backbone=backbone, weights=weights, target_size=target_size, seed=seed,
        dtype_range=dtype_range,
    )  # fmt: skip
    root = folder_or_url(directory)
    tables = apply_corrections(tables_on_disk(root), corrections, root)
    table = pd.concat(without_bad_files(tables, on_bad).values(), ignore_index=True)
    table, column = add_groups(table, groups)
    name, size = first_choice(survey_images(table), request)
    classes = sorted(table["class"].unique())
    _logger.info("Predicting %s images with %s at %s × %s pixels.", f"{len(table):,}", name, *size)
    model = transfer_model(name, len(classes), input_shape=(*size, 3), weights=request.weights_name)
    flow = image_flow(table, size, classes, request.dtype_range)
    data = probe_data(keras.Model(model.inputs, model.layers[-1].input), flow)
    predictions = prediction_table(
        table["filename"].tolist(),
        table["class"].tolist(),
        out_of_fold_probabilities(table, column, data, len(classes), seed, repeats),
        classes,
    )
    return LabelErrors(root, suspect_labels(predictions), predictions)


def suspect_labels(predictions: pd.DataFrame) -> pd.DataFrame:
    """Find the labels that predictions contradict.

    Args:
        predictions: A table of predictions with the true classes, each by a model that did not
            learn from the image: that of `find_label_errors`, or `predictions` of
            `ensembles.cross_validate`.

    Returns:
        One row for each label that is probably wrong, the most doubtful first: `filename`,
        `class` (the label), `suggested` (the most probable class), `probability` (of that class,
        0..1), `probability_given` (of the label), `rank` (from 1), and the columns to fill in,
        `new_class` and `exclude`, which are empty.

    Raises:
        ImportError: If cleanlab is not installed.
        ValueError: If the true classes are unknown.

    Example:
        >>> values = np.array([[0.9, 0.1]] * 9 + [[0.1, 0.9]] * 10)
        >>> names = [f"{number}.png" for number in range(19)]
        >>> table = prediction_table(names, ["cat"] * 10 + ["dog"] * 9, values, ["cat", "dog"])
        >>> suspect_labels(table)[["filename", "class", "suggested"]]
          filename class suggested
        0    9.png   cat       dog
    """
    labels, values = true_indices(predictions), probabilities_of(predictions)
    values = values / values.sum(axis=1, keepdims=True)
    names = np.array(class_names_of(predictions), dtype=object)
    # In one process: what there is to compute takes less time than to start others.
    rows = _cleanlab()(
        labels, values, filter_by="both", return_indices_ranked_by="self_confidence", n_jobs=1
    )
    suggested = values[rows].argmax(axis=1)
    return pd.DataFrame(
        {
            "filename": np.array(files_of(predictions), dtype=object)[rows],
            "class": names[labels[rows]],
            "suggested": names[suggested],
            "probability": values[rows, suggested].round(4),
            "probability_given": values[rows, labels[rows]].round(4),
            "rank": np.arange(1, len(rows) + 1),
            NEW_CLASS: "",
            EXCLUDE: "",
        }
    )


def _cleanlab():  # type: ignore[no-untyped-def]
    try:
        from cleanlab.filter import find_label_issues
    except ImportError as error:
        raise ImportError(_INSTALL) from error
    return find_label_issues


def _relative(name: str, directory: Path | str) -> str:
    path = Path(name)
    return path.relative_to(directory).as_posix() if path.is_relative_to(directory) else name
