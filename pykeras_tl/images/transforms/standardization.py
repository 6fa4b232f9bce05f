"""What is done to the values of an image after its augmentation, and what that needs to know."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable

import numpy as np


class Standardization:
    """The part of an `ImageDataGenerator` that standardizes.

    Attributes:
        mean: What `fit` found for `featurewise_center`, of shape (1, 1, channels) or
            (channels, 1, 1).
        std: What it found for `featurewise_std_normalization`, of the same shape.
        zca_whitening_matrix: What it found for `zca_whitening`, of shape (values, values), with
            as many values as an image has.
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
        """Apply preprocessing function, rescaling, centring, normalization and whitening.

        Args:
            x: Float array of an image or a batch of them. As in Keras it is changed in place.

        Returns:
            Array of the shape of `x`.

        Example:
            >>> from pykeras_tl.images import ImageDataGenerator
            >>> ImageDataGenerator(rescale=0.5).standardize(np.ones((1, 1, 1)))
            array([[[0.5]]])
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
                x -= self.mean
        if self.featurewise_std_normalization:
            if self.std is None:
                self._warn_not_fitted("featurewise_std_normalization")
            else:
                x /= self.std + 1e-6
        if self.zca_whitening:
            if self.zca_whitening_matrix is None:
                self._warn_not_fitted("zca_whitening")
            else:
                flat = x.reshape(-1, math.prod(x.shape[-3:]))
                x = np.reshape(flat @ self.zca_whitening_matrix, x.shape)
        return x

    def _find_statistics(self, x: np.ndarray) -> None:
        """Find what feature-wise settings need, from a batch that is changed on the way."""
        over = (0, self.row_axis, self.col_axis)
        by_channel = np.ones(3, int)
        by_channel[self.channel_axis - 1] = x.shape[self.channel_axis]
        if self.featurewise_center:
            self.mean = np.reshape(np.mean(x, axis=over), by_channel)
            x -= self.mean
        if self.featurewise_std_normalization:
            self.std = np.reshape(np.std(x, axis=over), by_channel)
            x /= self.std + 1e-6
        if self.zca_whitening:
            flat = np.reshape(x, (len(x), -1))
            u, s, _ = np.linalg.svd(flat.T, full_matrices=False)
            self.zca_whitening_matrix = (u * (np.sqrt(len(x)) / (s + self.zca_epsilon))).dot(u.T)

    def _switch_on_what_others_need(self) -> None:
        def change(name: str, value: bool, because: str) -> None:
            if getattr(self, name) != value:
                setattr(self, name, value)
                warnings.warn(
                    f"This ImageDataGenerator specifies `{because}`, "
                    f"which overrides setting of `{name}`.",
                    stacklevel=4,
                )

        normalize = self.featurewise_std_normalization
        if self.zca_whitening:
            change("featurewise_center", True, "zca_whitening")
            change("featurewise_std_normalization", False, "zca_whitening")
        if normalize:
            change("featurewise_center", True, "featurewise_std_normalization")
        if self.samplewise_std_normalization:
            change("samplewise_center", True, "samplewise_std_normalization")

    def _warn_not_fitted(self, setting: str) -> None:
        warnings.warn(
            f"This ImageDataGenerator specifies `{setting}`, but it hasn't been fit on any "
            "training data. Fit it first by calling `.fit(numpy_data)`.",
            stacklevel=3,
        )
