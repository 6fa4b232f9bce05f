"""Saliency maps from the probabilities of changed images: Score-CAM and occlusion.

What is masked becomes the mean color of the image.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import keras
import numpy as np

from ..models.inference import as_probabilities


class ClassProbability:
    """The probability of a class for one image under masks.

    Args:
        model: The classifier.
        sample: Its inputs for one image, each of shape (1, ...).
        place: Which of them is the image.
        label: The index of the class.
        batch_size: Number of masked images predicted at a time.

    Attributes:
        size: Height and width of the image.
        batch_size: As given.
    """

    def __init__(
        self,
        model: keras.Model,
        sample: Sequence[np.ndarray],
        place: int,
        label: int,
        batch_size: int,
    ) -> None:
        self._model, self._sample, self._place, self._label = model, sample, place, label
        self._first = keras.config.image_data_format() == "channels_first"
        self._image = sample[place].astype("float32")
        axes = (2, 3) if self._first else (1, 2)
        self._mean = self._image.mean(axis=axes, keepdims=True)
        height, width = (self._image.shape[axis] for axis in axes)
        self.size: tuple[int, int] = (height, width)
        self.batch_size = batch_size

    def __call__(self, masks: np.ndarray) -> np.ndarray:
        """Predict the masked images.

        Args:
            masks: Shape (masks, height, width), where 0 hides and 1 shows.

        Returns:
            The probabilities, shape (masks,).
        """
        shown = masks[:, None] if self._first else masks[..., None]
        inputs = [np.repeat(each, len(masks), axis=0) for each in self._sample]
        masked = self._mean + shown * (self._image - self._mean)
        inputs[self._place] = masked.astype("float32")
        outputs = self._model.predict_on_batch(inputs if len(inputs) > 1 else inputs[0])
        return as_probabilities(outputs)[:, self._label]


def score_cam_map(predict: ClassProbability, maps: Sequence[np.ndarray]) -> np.ndarray:
    """Weight each channel by the probability of the image seen through it.

    Args:
        predict: The class and the image.
        maps: Feature maps of the image, each of shape (rows, columns, channels).

    Returns:
        The map, not scaled, shape (height, width).
    """
    height, width = predict.size
    channels = [channel for each in maps for channel in np.moveaxis(each, -1, 0)]
    channels = [channel for channel in channels if np.ptp(channel) > 0]
    total = np.zeros((height, width), "float32")
    for start in range(0, len(channels), predict.batch_size):
        full = [
            cv2.resize(channel, (width, height), interpolation=cv2.INTER_LINEAR)
            for channel in channels[start : start + predict.batch_size]
        ]
        masks = np.stack([(each - each.min()) / max(np.ptp(each), 1e-12) for each in full])
        total += np.tensordot(predict(masks), np.stack(full), axes=1)
    return np.maximum(total, 0)


def occlusion_map(predict: ClassProbability, patch: int | None) -> np.ndarray:
    """Measure by how much the probability falls where a patch covers the image.

    Args:
        predict: The class and the image.
        patch: Side of the patch in pixels, which moves by half of it; `None` is a seventh of the
            shorter side.

    Returns:
        For each pixel the mean over the patches that cover it, or 0 where the probability rises,
        shape (height, width).

    Raises:
        ValueError: If the patch does not fit into the image.
    """
    height, width = predict.size
    side = max(1, round(min(height, width) / 7)) if patch is None else patch
    if not 1 <= side <= min(height, width):
        raise ValueError(
            f"Expected patch to be from 1 to {min(height, width)} pixels, the image's shorter "
            f"side. Received: {patch}."
        )
    corners = [(row, column) for row in _starts(height, side) for column in _starts(width, side)]
    (whole,) = predict(np.ones((1, height, width)))
    total = np.zeros((height, width))
    covered = np.zeros((height, width))
    for start in range(0, len(corners), predict.batch_size):
        part = corners[start : start + predict.batch_size]
        masks = np.ones((len(part), height, width), "float32")
        for mask, (row, column) in zip(masks, part):
            mask[row : row + side, column : column + side] = 0
        drops = whole - predict(masks)
        for drop, (row, column) in zip(drops, part):
            total[row : row + side, column : column + side] += drop
            covered[row : row + side, column : column + side] += 1
    return np.maximum(total / covered, 0).astype("float32")


def _starts(length: int, side: int) -> list[int]:
    last = length - side
    return sorted({*range(0, last, max(1, side // 2)), last})
