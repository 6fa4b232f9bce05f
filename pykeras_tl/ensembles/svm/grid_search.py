"""The choice of a machine's kernel and strictness by cross-validation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

# Cross-validation looks at no more images: its time grows with their square.
_MOST_TUNING_SAMPLES = 2000
_GRID: dict[str, Sequence[Any]] = {"kernel": ("linear", "rbf"), "C": (0.1, 1.0, 10.0)}


def check_grid(grid: Mapping[str, Sequence[Any]] | None) -> None:
    """Refuse a grid with other settings than `kernel` and `C`, before any work starts.

    Args:
        grid: Values to try by setting, or None.

    Raises:
        ValueError: When it has other settings or values, or none.

    Example:
        >>> check_grid({"kernel": ["rbf"], "C": [1.0, 10.0]})
    """
    for name, values in (grid or {}).items():
        known = name == "C" or (name == "kernel" and set(values) <= {"linear", "rbf"})
        if not known or not len(values):
            raise ValueError(
                f"grid holds values to try for 'kernel' ('linear', 'rbf') and 'C'; got "
                f"{name!r}: {values}."
            )


def tuning_subsample(count: int, seed: int, classes: np.ndarray | None = None) -> np.ndarray:
    """Draw the images that cross-validation looks at, of all classes alike.

    Args:
        count: How many images there are.
        seed: Of the draw.
        classes: The class of each, shape (count,), or None.

    Returns:
        Their numbers, in order.

    Example:
        >>> tuning_subsample(3, seed=0).tolist()
        [0, 1, 2]
    """
    from sklearn.model_selection import train_test_split

    rows = np.arange(count)
    if count <= _MOST_TUNING_SAMPLES:
        return rows
    drawn, _ = train_test_split(
        rows, train_size=_MOST_TUNING_SAMPLES, stratify=classes, random_state=seed
    )
    return np.sort(drawn)


def search_grid(
    machine: Any,
    prefix: str,
    grid: Mapping[str, Sequence[Any]] | None,
    parts: Any,
    features: np.ndarray,
    targets: np.ndarray,
) -> tuple[Any, pd.DataFrame]:
    """Try all machines of a grid by cross-validation.

    Args:
        machine: A scikit-learn machine.
        prefix: What stands before `kernel` and `C` in the names of its settings.
        grid: Values to try; the usual ones where it has none.
        parts: How scikit-learn cuts the folds.
        features: Shape (images, features).
        targets: Classes or numbers, shape (images,).

    Returns:
        The best machine, not fitted, and a table of all: `kernel`, `C`, `score`, `deviation`,
        the best first.
    """
    from sklearn.base import clone
    from sklearn.model_selection import GridSearchCV

    tried = {name: list((grid or {}).get(name, values)) for name, values in _GRID.items()}
    settings = {f"{prefix}{name}": values for name, values in tried.items()}
    search = GridSearchCV(machine, settings, cv=parts, refit=False).fit(features, targets)
    found = pd.DataFrame(
        {
            **{name: search.cv_results_[f"param_{prefix}{name}"] for name in tried},
            "score": search.cv_results_["mean_test_score"],
            "deviation": search.cv_results_["std_test_score"],
        }
    )
    found = found.sort_values("score", ascending=False, kind="stable", ignore_index=True)
    return clone(machine).set_params(**search.best_params_), found
