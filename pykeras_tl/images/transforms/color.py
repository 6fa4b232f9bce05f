"""Brightness and channel shifts, which act on each pixel by itself."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import ImageEnhance

from ..decoding.conversion import array_to_img, img_to_array
from .sampling import rng


def apply_channel_shift(x: np.ndarray, intensity: float, channel_axis: int = 0) -> np.ndarray:
    """Add a value to all channels of an image, clipped to the image's value range.

    Args:
        x: Image, an array of rank 3.
        intensity: Value to add.
        channel_axis: Axis of the channels.

    Returns:
        Array of the shape of `x`, with values between the smallest and largest one in `x`.

    Example:
        >>> apply_channel_shift(np.array([[[0.0, 5.0]]]), 2)
        array([[[2., 5.]]])

    Source:
        `keras.src.legacy.preprocessing.image.apply_channel_shift`. Despite the name, and as
        in Keras, every channel is shifted by the same value.
    """
    channels = np.moveaxis(x, channel_axis, 0)
    lowest, highest = np.min(channels), np.max(channels)
    # Channel by channel in memory, as in Keras: sums over the result depend on it.
    shifted = np.stack([np.clip(one + intensity, lowest, highest) for one in channels])
    return np.moveaxis(shifted, 0, channel_axis)


def random_channel_shift(
    x: np.ndarray, intensity_range: float, channel_axis: int = 0, seed: int | None = None
) -> np.ndarray:
    """Shift the channels of an image by a random value.

    Args:
        x: Image, an array of rank 3.
        intensity_range: The value is between -intensity_range and intensity_range.
        channel_axis: Axis of the channels.
        seed: Makes the result repeatable.

    Returns:
        Array of the shape of `x`.

    Example:
        >>> random_channel_shift(np.array([[[0.0, 5.0]]]), 2.0, seed=0).round(3)
        array([[[0.195, 5.   ]]])

    Source:
        `keras.src.legacy.preprocessing.image.random_channel_shift`.
    """
    intensity = rng(seed).uniform(-intensity_range, intensity_range)
    return apply_channel_shift(x, intensity, channel_axis=channel_axis)


def apply_brightness_shift(x: Any, brightness: float, scale: bool = True) -> np.ndarray:
    """Make an image brighter or darker, as Pillow does.

    Args:
        x: Image, an array of rank 3 in Keras's data format, with 1, 3 or 4 channels.
        brightness: Factor, 0 or above: 0 is black, 1 no change, 2 twice as bright.
        scale: Whether to rescale the values to 0..255 first.

    Returns:
        Array of Keras's `floatx`, of shape (height, width, channels).

    Raises:
        ValueError: When `x` does not have the shape of an image.

    Example:
        >>> apply_brightness_shift(np.array([[[10.0], [100.0]]]), 1.5, scale=False)[..., 0]
        array([[ 15., 150.]], dtype=float32)

    Source:
        `keras.src.legacy.preprocessing.image.apply_brightness_shift`. As in Keras,
        values are truncated to integers; values outside 0..255 are rescaled to that range and
        back; the alpha channel does not change; and Keras's own data format is used, not that
        of a generator.
    """
    array = np.asarray(x)
    lowest, highest = np.min(array), np.max(array)
    rescaled = bool(lowest < 0 or highest > 255)
    image = array_to_img(array, scale=rescaled or scale)
    result = img_to_array(ImageEnhance.Brightness(image).enhance(brightness))
    if not scale and rescaled:
        result = result / 255 * (highest - lowest) + lowest
    return result


def random_brightness(
    x: Any, brightness_range: tuple[float, float], scale: bool = True, seed: int | None = None
) -> np.ndarray:
    """Make an image brighter or darker by a random factor.

    Args:
        x: Image, an array of rank 3.
        brightness_range: Smallest and largest factor, 0 or above.
        scale: Whether to rescale the values to 0..255 first.
        seed: Makes the result repeatable.

    Returns:
        Array of Keras's `floatx`, of shape (height, width, channels).

    Raises:
        ValueError: When `brightness_range` does not have two numbers.

    Example:
        >>> random_brightness(np.full((1, 1, 1), 10.0), (2, 2), scale=False)[0, 0]
        array([20.], dtype=float32)

    Source:
        `keras.src.legacy.preprocessing.image.random_brightness`.
    """
    if len(brightness_range) != 2:
        raise ValueError(
            f"Expected brightness_range to be two floats. Received: {brightness_range}"
        )
    factor = rng(seed).uniform(brightness_range[0], brightness_range[1])
    return apply_brightness_shift(x, factor, scale)


def brightness_table(brightness: float) -> np.ndarray:
    """Return the lookup table of Pillow's brightness change.

    Args:
        brightness: Factor, 0 or above.

    Returns:
        uint8 array of shape (256,).

    Example:
        >>> brightness_table(2.0)[[0, 100, 200]]
        array([  0, 200, 255], dtype=uint8)
    """
    # In single precision, as Pillow computes it.
    levels = np.arange(256, dtype=np.float32) * np.float32(brightness)
    return np.clip(levels, 0, 255).astype(np.uint8)
