"""Standardization of images after augmentation: rescaling, centering, normalizing, whitening."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable

import numpy as np


class Standardization:
    """The part of an `ImageDataGenerator` that standardizes images.

    Attributes:
        mean: Mean of each channel that `fit` computed for `featurewise_center`, shape (1, 1,
            channels) or (channels, 1, 1); None before.
        std: Standard deviation for `featurewise_std_normalization`, of the same shape.
        zca_whitening_matrix: Matrix for `zca_whitening`, shape (values, values), with the number
            of values in an image.
    """

    featurewise_center: bool
    samplewise_center: bool
    featurewise_std_normalization: bool
    samplewise_std_normalization: bool
    zca_whitening: bool
    zca_epsilon: float
    rescale: float | None
    preprocessing_function: Callable[[np.ndarray], np.ndarray] | None
    channel_axis: int
    row_axis: int
    col_axis: int
    mean: np.ndarray | None = None
    std: np.ndarray | None = None
    zca_whitening_matrix: np.ndarray | None = None

    def standardize(self, x: np.ndarray) -> np.ndarray:
        """Apply preprocessing function, rescaling, centering, normalization and whitening.

        Args:
            x: Image or batch of images, a float array. As in Keras, it is changed in place.

        Returns:
            Array of the shape of `x`.

        Example:
            >>> from pykeras_tl.images import ImageDataGenerator
            >>> generator = ImageDataGenerator(rescale=0.5, samplewise_center=True)
            >>> generator.standardize(np.array([[[0.0], [4.0]]]))[..., 0]
            array([[-1.,  1.]])
        """
        if self.preprocessing_function:
            x = self.preprocessing_function(x)
        if self.rescale:
            x *= self.rescale
        if self.samplewise_center:
            x -= np.mean(x, keepdims=True)
        if self.samplewise_std_normalization:
            x /= np.std(x, keepdims=True) + 1e-6
        if self.featurewise_center:
            if self.mean is None:
                self._warn_not_fitted("featurewise_center")
            else:
                _each_channel(np.subtract, x, self.mean)
        if self.featurewise_std_normalization:
            if self.std is None:
                self._warn_not_fitted("featurewise_std_normalization")
            else:
                _each_channel(np.divide, x, self.std + 1e-6)
        if self.zca_whitening:
            if self.zca_whitening_matrix is None:
                self._warn_not_fitted("zca_whitening")
            else:
                flat = x.reshape(-1, math.prod(x.shape[-3:]))
                x = np.reshape(flat @ self.zca_whitening_matrix, x.shape)
        return x

    def _compute_statistics(self, x: np.ndarray) -> None:
        """Compute the statistics of the feature-wise settings from a batch, changed in place."""
        axes = (0, self.row_axis, self.col_axis)
        broadcast_shape = np.ones(3, int)
        broadcast_shape[self.channel_axis - 1] = x.shape[self.channel_axis]
        if self.featurewise_center:
            self.mean = np.reshape(np.mean(x, axis=axes), broadcast_shape)
            x -= self.mean
        if self.featurewise_std_normalization:
            self.std = np.reshape(np.std(x, axis=axes), broadcast_shape)
            x /= self.std + 1e-6
        if self.zca_whitening:
            flat = np.reshape(x, (len(x), -1))
            u, s, _ = np.linalg.svd(flat.T, full_matrices=False)
            self.zca_whitening_matrix = (u * (np.sqrt(len(x)) / (s + self.zca_epsilon))).dot(u.T)

    def _enable_required_settings(self) -> None:
        """Change settings that contradict others, with a warning, as Keras does."""

        def override(name: str, value: bool, because: str) -> None:
            if getattr(self, name) != value:
                setattr(self, name, value)
                warnings.warn(
                    f"This ImageDataGenerator specifies `{because}`, "
                    f"which overrides setting of `{name}`.",
                    stacklevel=4,
                )

        normalize = self.featurewise_std_normalization
        if self.zca_whitening:
            override("featurewise_center", True, "zca_whitening")
            override("featurewise_std_normalization", False, "zca_whitening")
        if normalize:
            override("featurewise_center", True, "featurewise_std_normalization")
        if self.samplewise_std_normalization:
            override("samplewise_center", True, "samplewise_std_normalization")

    def _warn_not_fitted(self, setting: str) -> None:
        warnings.warn(
            f"This ImageDataGenerator specifies `{setting}`, but it hasn't been fit on any "
            "training data. Fit it first by calling `.fit(numpy_data)`.",
            stacklevel=3,
        )


def _each_channel(operation: np.ufunc, x: np.ndarray, values: np.ndarray) -> None:
    """Change an image or batch in place by one value for each channel."""
    channels = x.shape[-1]
    if np.shape(values) == (1, 1, channels) and x.flags.c_contiguous:
        # The values repeated for a row of pixels: NumPy is slow along an axis of length 3.
        values = np.tile(values.reshape(channels), x.shape[-2])
        x = x.reshape(-1, values.size)
    operation(x, values, out=x)
