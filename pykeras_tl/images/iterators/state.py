"""The position of an iterator in its data."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np


class IteratorState(NamedTuple):
    """Position of an iterator, as `Iterator.get_state` returns it.

    Attributes:
        total_batches_seen: Batches drawn since the iterator was made.
        batch_index: Index of the next batch within the epoch.
        index_array: The epoch's order of samples, shape (n,); None before the first batch.
            An iterator never changes this array, but replaces it.
        random: State of the iterator's own random stream; None where each batch is seeded.
    """

    total_batches_seen: int
    batch_index: int
    index_array: np.ndarray | None
    random: Any = None
