"""Saliency maps of the worst mistakes of an evaluation, for its report."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from ..evaluation.figures.galleries import worst_mistakes
from ..evaluation.report import MISTAKES, THUMBNAIL
from .explanations import TABLE, explain_images

if TYPE_CHECKING:
    from ..evaluation.evaluation import Evaluation
    from ..models.saving.classifier import Classifier

_logger = logging.getLogger(__name__)
_VALIDATION = "validation"


def explain_mistakes(
    classifier: Classifier,
    evaluations: Mapping[str, Evaluation],
    folder: str | os.PathLike[str],
) -> None:
    """Save Grad-CAM overlays of the mistakes that a report shows, for the predicted class.

    Nothing is written for a network without feature maps, and none of the validation images if
    there are others.

    Args:
        classifier: The classifier that was evaluated.
        evaluations: Its evaluations, by the name of the split.
        folder: The folder to write to, which gets one for each split with mistakes.

    Raises:
        OSError: If the folder cannot be written.
    """
    others = {name: each for name, each in evaluations.items() if name != _VALIDATION}
    for name, evaluation in (others or evaluations).items():
        readable = evaluation.with_files
        mistakes = worst_mistakes(readable, MISTAKES) if len(readable) else readable
        if mistakes.empty:
            continue
        try:
            # With the class of the evaluation: views of an image may have decided otherwise.
            predicted = mistakes["predicted"].tolist()
            explained = explain_images(classifier, mistakes, predicted)
        except ValueError as error:
            _logger.info("The mistakes have no saliency maps. %s", error)
            return
        explained.save(Path(folder) / name, THUMBNAIL)


def overlays_of_mistakes(folder: str | os.PathLike[str]) -> dict[str, dict[str, Path]]:
    """List the overlays that `explain_mistakes` wrote.

    Args:
        folder: The folder.

    Returns:
        For each split the overlay of each image, by the name of the image file; empty if there
        are none.

    Example:
        >>> overlays_of_mistakes("nowhere")
        {}
    """
    overlays = {}
    for path in sorted(Path(folder).glob(f"*/{TABLE}")):
        table = pd.read_csv(path, encoding_errors="surrogateescape")
        files = zip(table.iloc[:, 0], table.iloc[:, -1])
        overlays[path.parent.name] = {str(file): path.parent / str(name) for file, name in files}
    return overlays
