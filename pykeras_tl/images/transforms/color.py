"""Changes of brightness and colour, which act on each pixel alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image, ImageEnhance

from ..decoding.conversion import array_to_img, img_to_array
from .sampling import rng


def apply_channel_shift(x: np.ndarray, intensity: float, channel_axis: int = 0) -> np.ndarray:
    """Add a value to all channels of an image, within the range that it has.

    Args:
        x: Array of three axes.
        intensity: What to add.
        channel_axis: The axis of the channels.

    Returns:
        Array of the shape of `x`, cut to the smallest and largest value in `x`.

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
        x: Array of three axes.
        intensity_range: The value is drawn from -intensity_range to intensity_range.
        channel_axis: The axis of the channels.
        seed: Makes the draw repeatable.

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
        x: Array of three axes in Keras's data format, with 1, 3 or 4 channels.
        brightness: 0 gives black, 1 the same image, 2 one twice as bright.
        scale: Whether to stretch the values to 0..255 first.

    Returns:
        Array of Keras's `floatx`, of shape (height, width, channels).

    Raises:
        ValueError: When `x` has no shape of an image.

    Example:
        >>> apply_brightness_shift(np.array([[[10.0], [100.0]]]), 1.5, scale=False)[..., 0]
        array([[ 15., 150.]], dtype=float32)

    Source:
        `keras.src.legacy.preprocessing.image.apply_brightness_shift`. Like Keras it cuts
        values to whole numbers, stretches values that are not all in 0..255 there and back,
        leaves the alpha channel alone, and goes by Keras's own data format, not by that of a
        generator.
    """
    array = np.asarray(x)
    lowest, highest = np.min(array), np.max(array)
    stretched = bool(lowest < 0 or highest > 255)
    image = array_to_img(array, scale=stretched or scale)
    result = img_to_array(ImageEnhance.Brightness(image).enhance(brightness))
    if not scale and stretched:
        result = result / 255 * (highest - lowest) + lowest
    return result


def random_brightness(
    x: Any, brightness_range: tuple[float, float], scale: bool = True, seed: int | None = None
) -> np.ndarray:
    """Make an image brighter or darker by a random factor.

    Args:
        x: Array of three axes.
        brightness_range: The least and the greatest factor.
        scale: Whether to stretch the values to 0..255 first.
        seed: Makes the draw repeatable.

    Returns:
        Array of Keras's `floatx`, of shape (height, width, channels).

    Raises:
        ValueError: When `brightness_range` is not two numbers.

    Example:
        >>> random_brightness(np.full((1, 1, 1), 10.0), (2, 2), scale=False)[0, 0]
        array([20.], dtype=float32)

    Source:
        `keras.src.legacy.preprocessing.image.random_brightness`.
    """
    if len(brightness_range) != 2:
        raise ValueError(f"`brightness_range` should be two floats. Received: {brightness_range}")
    factor = rng(seed).uniform(brightness_range[0], brightness_range[1])
    return apply_brightness_shift(x, factor, scale)


def brightness_table(brightness: float) -> np.ndarray:
    """Tabulate what Pillow's change of brightness makes of each grey level.

    Args:
        brightness: The factor.

    Returns:
        uint8 array of shape (256,).

    Example:
        >>> brightness_table(2.0)[[0, 100, 200]]
        array([  0, 200, 255], dtype=uint8)
    """
    levels = Image.fromarray(np.arange(256, dtype=np.uint8)[None])
    return np.asarray(ImageEnhance.Brightness(levels).enhance(brightness))[0]
