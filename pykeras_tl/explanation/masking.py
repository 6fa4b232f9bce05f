"""Saliency maps from the probabilities of changed images: Score-CAM and occlusion.

What is masked becomes the mean color of the image.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import keras
import numpy as np

from ..models.inference import as_probabilities


def score_cam_map(
    model: keras.Model,
    sample: Sequence[np.ndarray],
    place: int,
    label: int,
    maps: Sequence[np.ndarray],
    batch_size: int,
) -> np.ndarray:
    """Weight each channel by the probability of the image seen through it.

    Args:
        model: The classifier.
        sample: Its inputs for one image, each of shape (1, ...).
        place: Which of them is the image.
        label: The index of the class.
        maps: Feature maps of the image, each of shape (rows, columns, channels).
        batch_size: Number of masked images predicted at a time.

    Returns:
        The map, not scaled, shape (height, width).
    """
    height, width = _size(sample[place])
    channels = [channel for each in maps for channel in np.moveaxis(each, -1, 0)]
    channels = [channel for channel in channels if np.ptp(channel) > 0]
    total = np.zeros((height, width), "float32")
    for start in range(0, len(channels), batch_size):
        full = [
            cv2.resize(channel, (width, height), interpolation=cv2.INTER_LINEAR)
            for channel in channels[start : start + batch_size]
        ]
        masks = np.stack([(each - each.min()) / max(np.ptp(each), 1e-12) for each in full])
        weights = _probabilities(model, sample, place, label, masks)
        total += np.tensordot(weights, np.stack(full), axes=1)
    return np.maximum(total, 0)


def occlusion_map(
    model: keras.Model,
    sample: Sequence[np.ndarray],
    place: int,
    label: int,
    patch: int | None,
    batch_size: int,
) -> np.ndarray:
    """Measure by how much the probability falls where a patch covers the image.

    Args:
        model: The classifier.
        sample: Its inputs for one image, each of shape (1, ...).
        place: Which of them is the image.
        label: The index of the class.
        patch: Side of the patch in pixels, which moves by half of it; `None` is a seventh of the
            shorter side.
        batch_size: Number of covered images predicted at a time.

    Returns:
        For each pixel the mean over the patches that cover it, or 0 where the probability rises,
        shape (height, width).

    Raises:
        ValueError: If the patch does not fit into the image.
    """
    height, width = _size(sample[place])
    side = max(1, round(min(height, width) / 7)) if patch is None else patch
    if not 1 <= side <= min(height, width):
        raise ValueError(
            f"Expected patch to be from 1 to {min(height, width)} pixels, the image's shorter "
            f"side. Received: {patch}."
        )
    corners = [(row, column) for row in _starts(height, side) for column in _starts(width, side)]
    (whole,) = _probabilities(model, sample, place, label, np.ones((1, height, width)))
    total = np.zeros((height, width))
    covered = np.zeros((height, width))
    for start in range(0, len(corners), batch_size):
        part = corners[start : start + batch_size]
        masks = np.ones((len(part), height, width), "float32")
        for mask, (row, column) in zip(masks, part):
            mask[row : row + side, column : column + side] = 0
        drops = whole - _probabilities(model, sample, place, label, masks)
        for drop, (row, column) in zip(drops, part):
            total[row : row + side, column : column + side] += drop
            covered[row : row + side, column : column + side] += 1
    return np.maximum(total / covered, 0).astype("float32")


def _starts(length: int, side: int) -> list[int]:
    last = length - side
    return sorted({*range(0, last, max(1, side // 2)), last})


def _size(images: np.ndarray) -> tuple[int, int]:
    first = keras.config.image_data_format() == "channels_first"
    height, width = images.shape[2:] if first else images.shape[1:3]
    return height, width


def _probabilities(
    model: keras.Model, sample: Sequence[np.ndarray], place: int, label: int, masks: np.ndarray
) -> np.ndarray:
    """Predict the class for one image under several masks, where 0 hides and 1 shows."""
    first = keras.config.image_data_format() == "channels_first"
    image = sample[place].astype("float32")
    mean = image.mean(axis=(2, 3) if first else (1, 2), keepdims=True)
    shown = masks[:, None] if first else masks[..., None]
    inputs = [np.repeat(each, len(masks), axis=0) for each in sample]
    inputs[place] = (mean + shown * (image - mean)).astype("float32")
    outputs = model.predict_on_batch(inputs if len(inputs) > 1 else inputs[0])
    return as_probabilities(outputs)[:, label]
