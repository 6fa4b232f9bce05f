"""State of an iterator: what must be stored so that it continues from the same position."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np


class IteratorState(NamedTuple):
    """Position of an iterator, as `Iterator.get_state` returns it.

    Attributes:
        total_batches_seen: Number of batches since the iterator was created.
        batch_index: Index of the next batch within the epoch.
        index_array: The epoch's order of samples, shape (n,); None before the first batch.
            An iterator never changes this array, but replaces it.
        random: State of the iterator's own random stream; None where each batch is seeded.
    """

    total_batches_seen: int
    batch_index: int
    index_array: np.ndarray | None
    random: Any = None
