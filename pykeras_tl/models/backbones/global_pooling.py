"""The pooling at the end of the backbones that Keras lacks."""

from __future__ import annotations

from typing import Any

from keras import layers


def pool(maps: Any, pooling: str | None) -> Any:
    """Pool a backbone's last feature maps as `keras.applications` does.

    Args:
        maps: Feature maps, `(batch, rows, columns, channels)`.
        pooling: `"avg"`, `"max"`, or None to leave them.

    Returns:
        `(batch, channels)` with pooling, the maps themselves without.

    Raises:
        ValueError: When the pooling is unknown.

    Example:
        >>> import keras
        >>> pool(keras.Input((7, 7, 512)), "avg").shape
        (None, 512)
    """
    if pooling is None:
        return maps
    if pooling == "avg":
        return layers.GlobalAveragePooling2D(name="avg_pool")(maps)
    if pooling == "max":
        return layers.GlobalMaxPooling2D(name="max_pool")(maps)
    raise ValueError(f"Expected pooling='avg', 'max' or None. Received: {pooling!r}.")
