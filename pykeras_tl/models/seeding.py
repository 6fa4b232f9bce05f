"""The seed of a network's first weights and dropout, without touching anyone's random state."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def seed_initializers(seed: int | None) -> Iterator[None]:
    """Make the layers that are created in the block start from the same weights every time.

    A Keras layer that is given no seed draws one from Python's own generator when it is made.
    Here that generator is set for the block and put back afterwards. NumPy's and the backend's
    are not used.

    Args:
        seed: Any whole number, or None to leave the weights to chance.

    Yields:
        None.

    Example:
        >>> import keras
        >>> def first_weight():
        ...     with seed_initializers(7):
        ...         layer = keras.layers.Dense(1)
        ...     layer.build((None, 1))
        ...     return float(layer.kernel[0, 0])
        >>> first_weight() == first_weight()
        True
    """
    if seed is None:
        yield
        return
    state = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)
