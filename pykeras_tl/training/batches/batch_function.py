"""Batches from a function without arguments, the generator of an R script."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...images.iterators.state import IteratorState

_STATE = IteratorState(0, 0, None)


class BatchFunction:
    """A source of batches that calls a function for each.

    The function is called on the main thread, never ahead of the batch that is needed next by
    more than Keras looks at before it begins, and only as often as `steps` says.

    Args:
        function: Takes no arguments and returns a batch `(x, y)` or `(x, y, sample_weight)`, as
            a list or tuple, or an array `x`; None, or StopIteration, at the end.

    Example:
        >>> import numpy as np
        >>> generator = BatchFunction(lambda: [np.ones((2, 3)), np.zeros(2)])
        >>> x, y = generator.compute_batch(generator.next_batch_spec())
        >>> x.shape, y.shape
        ((2, 3), (2,))
    """

    main_thread_only = True
    threads: int | None = None

    def __init__(self, function: Callable[[], Any]) -> None:
        self._function = function
        self._count = 0

    def next_batch_spec(self) -> None:
        """Return nothing: the function decides on its own what comes next."""

    def compute_batch(self, spec: Any) -> Any:
        """Call the function.

        Args:
            spec: What `next_batch_spec` returned.

        Returns:
            The batch, as a tuple where it has labels.

        Raises:
            ValueError: When the function has come to its end, or returns more than three parts.
        """
        try:
            batch = self._function()
        except StopIteration:
            batch = None
        if batch is None:
            raise ValueError(
                f"The generator ended after {self._count} batches. Let it start over at its end, "
                "or lower the number of steps."
            )
        self._count += 1
        if not isinstance(batch, list | tuple):
            return batch
        if not 1 <= len(batch) <= 3:
            raise ValueError(
                "Expected the generator to return a batch of x, y and sample weights. Received: "
                f"{len(batch)} parts."
            )
        return tuple(batch) if len(batch) > 1 else batch[0]

    def reset(self) -> None:
        """Go on: a function has no start to go back to."""

    def get_state(self) -> IteratorState:
        """Return a state that stands for every position."""
        return _STATE

    def set_state(self, state: IteratorState) -> None:
        """Go on where the function is."""

    def __len__(self) -> int:
        raise TypeError(
            "A generator has no length. Pass the number of batches: steps_per_epoch, "
            "validation_steps or steps."
        )
