"""Grid search over an SVM's kernel and C by cross-validation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

# Cross-validation uses at most this many images: its time grows with their square.
_MOST_TUNING_SAMPLES = 2000
_GRID: dict[str, Sequence[Any]] = {"kernel": ("linear", "rbf"), "C": (0.1, 1.0, 10.0)}


def check_grid(grid: Mapping[str, Sequence[Any]] | None) -> None:
    """Raise `ValueError` if a grid has settings other than `kernel` and `C`.

    Args:
        grid: Values to try by setting, or None.

    Raises:
        ValueError: If it has other settings, other kernels or a setting without values.

    Example:
        >>> check_grid({"kernel": ["poly"]})
        Traceback (most recent call last):
        ...
        ValueError: Expected a grid of values for 'kernel' ('linear', 'rbf') and 'C'. ...
    """
    for name, values in (grid or {}).items():
        known = name == "C" or (name == "kernel" and set(values) <= {"linear", "rbf"})
        if not known or not len(values):
            raise ValueError(
                "Expected a grid of values for 'kernel' ('linear', 'rbf') and 'C'. Received: "
                f"{name!r}: {values}."
            )


def tuning_subsample(count: int, seed: int, classes: np.ndarray | None = None) -> np.ndarray:
    """Sample the images for cross-validation, stratified by class.

    Args:
        count: The number of images.
        seed: Seed of the sample.
        classes: The class of each image, shape (count,), or None.

    Returns:
        The indices of the sample, in order: all if there are at most 2,000 images.

    Example:
        >>> tuning_subsample(3, seed=0).tolist()
        [0, 1, 2]
    """
    from sklearn.model_selection import train_test_split

    rows = np.arange(count)
    if count <= _MOST_TUNING_SAMPLES:
        return rows
    sample, _ = train_test_split(
        rows, train_size=_MOST_TUNING_SAMPLES, stratify=classes, random_state=seed
    )
    return np.sort(sample)


def search_grid(
    svm: Any,
    prefix: str,
    grid: Mapping[str, Sequence[Any]] | None,
    splitter: Any,
    features: np.ndarray,
    targets: np.ndarray,
) -> tuple[Any, pd.DataFrame]:
    """Score all settings of a grid by cross-validation.

    Args:
        svm: A scikit-learn estimator.
        prefix: Prefix of `kernel` and `C` in the names of its parameters, such as "estimator__".
        grid: Values to try; the defaults for a setting that it lacks.
        splitter: A scikit-learn splitter that makes the folds.
        features: Shape (images, features).
        targets: Classes or numbers, shape (images,).

    Returns:
        The best estimator, unfitted, and a table of all settings: `kernel`, `C`, `score`,
        `deviation`, best first.
    """
    from sklearn.base import clone
    from sklearn.model_selection import GridSearchCV

    tried = {name: list((grid or {}).get(name, values)) for name, values in _GRID.items()}
    settings = {f"{prefix}{name}": values for name, values in tried.items()}
    search = GridSearchCV(svm, settings, cv=splitter, refit=False).fit(features, targets)
    results = pd.DataFrame(
        {
            **{name: search.cv_results_[f"param_{prefix}{name}"] for name in tried},
            "score": search.cv_results_["mean_test_score"],
            "deviation": search.cv_results_["std_test_score"],
        }
    )
    results = results.sort_values("score", ascending=False, kind="stable", ignore_index=True)
    return clone(svm).set_params(**search.best_params_), results
