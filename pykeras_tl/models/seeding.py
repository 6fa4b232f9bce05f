"""Reproducible initial weights and dropout, without changing anyone's random state.

`keras.utils.set_random_seed` seeds Python, NumPy and the backend for the rest of the process, so
that building a model would change the user's own random numbers.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import keras

_HIGHEST_SEED = 10**9  # As Keras draws them.


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


def seeded_dropout(rate: float, name: str | None = None) -> keras.layers.Dropout:
    """Create a dropout layer that the seeds of `seed_initializers` and Keras apply to.

    On torch, a layer that is given no seed uses torch's global generator, not the seed that it
    draws when it is created.

    Args:
        rate: The fraction of inputs to drop, from 0 to below 1.
        name: The layer's name.

    Returns:
        The layer.

    Example:
        >>> with seed_initializers(7):
        ...     layer = seeded_dropout(0.5)
        >>> layer.rate
        0.5
    """
    seed = random.randint(1, _HIGHEST_SEED) if keras.backend.backend() == "torch" else None
    return keras.layers.Dropout(rate, seed=seed, name=name)
