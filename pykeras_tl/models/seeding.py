"""Reproducible initial weights and dropout, without changing anyone's random state.

`keras.utils.set_random_seed` seeds Python, NumPy and the backend for the rest of the process, so
that building a model would change the user's own random numbers.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def seed_initializers(seed: int | None) -> Iterator[None]:
    """Seed the initial weights and the dropout of the layers created in the block.

    A Keras layer without a seed draws one from Python's global generator when it is created. That
    generator is seeded for the block and restored afterwards; those of NumPy and the backend are
    not touched.

    Args:
        seed: Any integer, or None for different weights each time.

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
