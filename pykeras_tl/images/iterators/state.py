"""Where a flow stands in its data, so that it can be taken back there."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .base import Iterator


class IteratorState(NamedTuple):
    """A flow's place: the next batch drawn from here is the same each time.

    Attributes:
        total_batches_seen: Batches drawn since the flow was made.
        batch_index: The next batch within the pass.
        index_array: The pass's order of samples; `None` before the first.
        random: The state of the flow's own random numbers; `None` where each batch is seeded.
    """

    total_batches_seen: int
    batch_index: int
    index_array: np.ndarray | None
    random: Any = None


def read_position(flow: Iterator) -> IteratorState:
    """Read a flow's place.

    Args:
        flow: A flow.

    Returns:
        The place. The order of samples is the flow's own array, which it never changes but
        replaces.
    """
    random = flow._random.get_state() if flow.seed is None else None
    return IteratorState(flow.total_batches_seen, flow.batch_index, flow.index_array, random)


def set_position(flow: Iterator, position: IteratorState) -> None:
    """Take a flow back, or forward, to a place.

    Args:
        flow: The flow.
        position: A place that was read from a flow over the same samples.
    """
    flow.total_batches_seen = position.total_batches_seen
    flow.batch_index = position.batch_index
    flow.index_array = position.index_array
    if position.random is not None:
        flow._random.set_state(position.random)
