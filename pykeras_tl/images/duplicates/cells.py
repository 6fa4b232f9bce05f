"""Cells of vectors around some of them, so that a vector is compared with those nearby only."""

from __future__ import annotations

from collections.abc import Iterator
from math import isqrt

import numpy as np

_ROWS = 8192
# Vectors that are converted to floating-point numbers at a time.
_PART = 262_144
# Cells in which the nearest vector is searched for.
_PROBES = 4


def nearest_pivots(vectors: np.ndarray, pivots: np.ndarray, count: int) -> np.ndarray:
    """Find the pivots that are most similar to each vector.

    Args:
        vectors: Array of shape (vectors, length).
        pivots: Array of shape (pivots, length).
        count: How many pivots; no more than there are.

    Returns:
        Indices of pivots, the most similar first; int32 array of shape (vectors, count).

    Example:
        >>> nearest_pivots(np.array([[1.0, 3.0]]), np.eye(2), 2).tolist()
        [[1, 0]]
    """
    nearest = np.empty((len(vectors), count), np.int32)
    for start in range(0, len(vectors), _ROWS):
        distances = -(vectors[start : start + _ROWS] @ pivots.T)
        first = np.argpartition(distances, count - 1, axis=1)[:, :count]
        order = np.take_along_axis(distances, first, axis=1).argsort(axis=1, kind="stable")
        nearest[start : start + _ROWS] = np.take_along_axis(first, order, axis=1)
    return nearest


def entries_by_cell(cells: np.ndarray, count: int) -> Iterator[np.ndarray]:
    """Yield the entries in each cell.

    Args:
        cells: The cell of each entry, int array.
        count: The number of cells.

    Yields:
        Indices into the flattened array, ascending, for the cells 0, 1 and so on.

    Example:
        >>> [entries.tolist() for entries in entries_by_cell(np.array([[1, 0], [1, 2]]), 3)]
        [[1], [0, 2], [3]]
    """
    flat = cells.ravel()
    order = flat.argsort(kind="stable")
    yield from np.split(order, np.searchsorted(flat[order], np.arange(1, count)))


def nearest_words(vectors: np.ndarray, words: np.ndarray, exhaustive: bool) -> np.ndarray:
    """Find the word that is most similar to each vector.

    Words lie in as many cells as the square root of their number, and a vector is compared with
    those of the four nearest cells.

    Args:
        vectors: Array of shape (vectors, length).
        words: Float array of shape (words, length), of length 1 each.
        exhaustive: Whether to compare each vector with all words.

    Returns:
        Indices of words, int array of shape (vectors,).

    Example:
        >>> nearest_words(np.array([[1, 3], [2, 1]]), np.eye(2), exhaustive=True).tolist()
        [1, 0]
    """
    if exhaustive:
        return np.concatenate(
            [
                (vectors[start : start + _ROWS].astype(np.float32) @ words.T).argmax(axis=1)
                for start in range(0, len(vectors), _ROWS)
            ]
        )
    # The words are in no order of their own, so any of them serve.
    pivots = words[: isqrt(len(words))]
    cells = list(entries_by_cell(nearest_pivots(words, pivots, 1), len(pivots)))
    return np.concatenate(
        [
            _nearest_in_cells(vectors[start : start + _PART].astype(np.float32), words, cells)
            for start in range(0, len(vectors), _PART)
        ]
    )


def _nearest_in_cells(
    vectors: np.ndarray, words: np.ndarray, cells: list[np.ndarray]
) -> np.ndarray:
    pivots = words[: len(cells)]
    probes = min(_PROBES, len(cells))
    nearest = np.zeros(len(vectors), np.int64)
    similarity = np.full(len(vectors), -np.inf, np.float32)
    probed = nearest_pivots(vectors, pivots, probes)
    for members, entries in zip(cells, entries_by_cell(probed, len(cells)), strict=True):
        if len(members) == 0:
            continue
        rows = entries // probes
        found = vectors[rows] @ words[members].T
        best = found.argmax(axis=1)
        value = found[np.arange(len(rows)), best]
        better = value > similarity[rows]
        nearest[rows[better]] = members[best[better]]
        similarity[rows[better]] = value[better]
    return nearest
