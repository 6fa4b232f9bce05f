"""Images that a predictor was trained on, among those that it is evaluated on."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ...images.decoding.content_hash import hashes_of_local_files

if TYPE_CHECKING:
    from ...models.saving.image_predictor import ImagePredictor
    from .grouped import GroupedResults


def warn_of_training_images(predictor: ImagePredictor, files: Sequence[str]) -> None:
    """Warn if a predictor was trained on some of the files that it is evaluated on.

    The warning points to the caller of the function that calls this one.

    Args:
        predictor: The predictor.
        files: The files.

    Example:
        >>> from types import SimpleNamespace
        >>> warn_of_training_images(SimpleNamespace(trained_on=frozenset()), ["cell.png"])
    """
    said = _in_words(predictor, files)
    if said:
        warnings.warn(f"{said} Evaluate it on other images.", stacklevel=3)


def training_image_notes(
    predictor: ImagePredictor, evaluations: Mapping[str, GroupedResults]
) -> list[str]:
    """Say for a report which images a predictor was trained on.

    Args:
        predictor: The predictor.
        evaluations: Evaluations by the name of their images.

    Returns:
        A sentence for each evaluation with such images.

    Example:
        >>> from types import SimpleNamespace
        >>> training_image_notes(SimpleNamespace(trained_on=frozenset()), {})
        []
    """
    said = {
        name: _in_words(predictor, evaluation.predictions.iloc[:, 0].tolist())
        for name, evaluation in evaluations.items()
    }
    return [f"{name}: {text}" for name, text in said.items() if text]


def _in_words(predictor: ImagePredictor, files: Sequence[str]) -> str:
    if not predictor.trained_on:
        return ""
    known = sum(each in predictor.trained_on for each in hashes_of_local_files(files))
    if not known:
        return ""
    return (
        f"The model was trained on {known:,} of these {len(files):,} images, so that the results "
        "are better than on new ones."
    )
