"""`Augmenter`: random transforms and standardization with the settings of Keras's generator."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np

from .affine import transform
from .color import apply_brightness_shift, apply_channel_shift
from .sampling import sample_params, validate_shift_range
from .standardization import Standardization

_FILL_MODES = (
    "nearest", "constant", "reflect", "wrap", "mirror", "grid-mirror", "grid-wrap",
    "grid-constant",
)  # fmt: skip
_NEUTRAL = {
    "rotation_range": 0,
    "width_shift_range": 0.0,
    "height_shift_range": 0.0,
    "brightness_range": None,
    "shear_range": 0.0,
    "zoom_range": [1, 1],
    "channel_shift_range": 0.0,
    "horizontal_flip": False,
    "vertical_flip": False,
}
_PAIRS = ("brightness_range", "zoom_range")


class Augmenter(Standardization):
    """All settings of an `ImageDataGenerator`, and what they do to one image.

    `ImageDataGenerator` adds the iterators over batches, and documents the arguments.

    Raises:
        ValueError: When an argument is out of range or of an unknown kind.

    Example:
        >>> augmenter = Augmenter(rotation_range=10, rescale=1 / 255)
        >>> augmenter.augments, augmenter.without_augmentation().augments
        (True, False)

    Source:
        `keras.src.legacy.preprocessing.image.ImageDataGenerator`.
    """

    def __init__(
        self,
        featurewise_center: bool = False,
        samplewise_center: bool = False,
        featurewise_std_normalization: bool = False,
        samplewise_std_normalization: bool = False,
        zca_whitening: bool = False,
        zca_epsilon: float = 1e-6,
        rotation_range: float = 0,
        width_shift_range: float | Sequence[float] = 0.0,
        height_shift_range: float | Sequence[float] = 0.0,
        brightness_range: Sequence[float] | None = None,
        shear_range: float = 0.0,
        zoom_range: float | Sequence[float] = 0.0,
        channel_shift_range: float = 0.0,
        fill_mode: str = "nearest",
        cval: float = 0.0,
        horizontal_flip: bool = False,
        vertical_flip: bool = False,
        rescale: float | None = None,
        preprocessing_function: Callable[[np.ndarray], np.ndarray] | None = None,
        data_format: str | None = None,
        validation_split: float = 0.0,
        interpolation_order: int = 1,
        dtype: str | None = None,
    ) -> None:
        import keras

        self.featurewise_center = featurewise_center
        self.samplewise_center = samplewise_center
        self.featurewise_std_normalization = featurewise_std_normalization
        self.samplewise_std_normalization = samplewise_std_normalization
        self.zca_whitening = zca_whitening
        self.zca_epsilon = zca_epsilon
        self.rotation_range = rotation_range
        self.width_shift_range = width_shift_range
        self.height_shift_range = height_shift_range
        self.shear_range = shear_range
        self.zoom_range = _zoom_range(zoom_range)
        self.channel_shift_range = channel_shift_range
        self.brightness_range = brightness_range
        self.fill_mode = fill_mode
        self.cval = cval
        self.horizontal_flip = horizontal_flip
        self.vertical_flip = vertical_flip
        self.rescale = rescale
        self.preprocessing_function = preprocessing_function
        self.dtype = keras.config.floatx() if dtype is None else dtype
        self.interpolation_order = interpolation_order
        self.data_format = keras.config.image_data_format() if data_format is None else data_format
        self._validation_split = validation_split
        self._random = np.random.RandomState()
        self._check()
        first = self.data_format == "channels_first"
        self.channel_axis, self.row_axis, self.col_axis = (1, 2, 3) if first else (3, 1, 2)
        self._switch_on_what_others_need()

    def get_random_transform(
        self, img_shape: Sequence[int], seed: int | None = None
    ) -> dict[str, Any]:
        """Draw a transformation.

        Args:
            img_shape: Shape of the image, of three axes in the generator's data format.
            seed: Seeds the generator's stream, from which later draws go on.

        Returns:
            The transformation under the names that `apply_transform` takes.

        Example:
            >>> drawn = ImageDataGenerator(rotation_range=10).get_random_transform((8, 8, 3), 0)
            >>> round(drawn["theta"], 3)
            0.976
        """
        if seed is not None:
            self._random.seed(seed)
        height, width = img_shape[self.row_axis - 1], img_shape[self.col_axis - 1]
        return sample_params(self, height, width, self._random)

    def apply_transform(self, x: np.ndarray, transform_parameters: dict[str, Any]) -> np.ndarray:
        """Apply a transformation to an image.

        Args:
            x: Array of three axes.
            transform_parameters: Any of theta, tx, ty, shear, zx, zy, flip_horizontal,
                flip_vertical, channel_shift_intensity and brightness.

        Returns:
            Array of the shape of `x`.

        Raises:
            ValueError: With brightness, when the generator's data format is not Keras's own.

        Example:
            >>> image = np.arange(4.0).reshape(2, 2, 1)
            >>> ImageDataGenerator().apply_transform(image, {"flip_vertical": True})[..., 0]
            array([[2., 3.],
                   [0., 1.]])
        """
        rows, columns, channels = self.row_axis - 1, self.col_axis - 1, self.channel_axis - 1
        given = transform_parameters.get
        intensity, brightness = given("channel_shift_intensity"), given("brightness")
        # A change of brightness cuts values to whole numbers: the least error would count.
        exact = brightness is not None
        axes = (rows, columns, channels)
        order = self.interpolation_order
        x = transform(x, transform_parameters, axes, self.fill_mode, self.cval, order, exact)
        if intensity is not None:
            x = apply_channel_shift(x, intensity, channels)
        if given("flip_horizontal", False):
            x = np.flip(x, columns)
        if given("flip_vertical", False):
            x = np.flip(x, rows)
        if brightness is not None:
            x = apply_brightness_shift(x, brightness, False)
        return x

    def random_transform(self, x: np.ndarray, seed: int | None = None) -> np.ndarray:
        """Apply a random transformation to an image.

        Args:
            x: Array of three axes.
            seed: Seeds the generator's stream, from which later draws go on.

        Returns:
            Array of the shape of `x`.

        Example:
            >>> ImageDataGenerator(rotation_range=10).random_transform(np.ones((8, 8, 3))).shape
            (8, 8, 3)
        """
        return self.apply_transform(x, self.get_random_transform(x.shape, seed))

    def fit(self, x: Any, augment: bool = False, rounds: int = 1, seed: int | None = None) -> None:
        """Find the mean, deviation and whitening that feature-wise settings need.

        Args:
            x: Sample images, of shape (samples, height, width, channels) or with the channels
                second.
            augment: Whether to look at augmented images.
            rounds: How many times each image is augmented for that.
            seed: Seeds the generator's stream, from which later draws go on.

        Raises:
            ValueError: When `x` has not four axes.

        Example:
            >>> generator = ImageDataGenerator(featurewise_center=True)
            >>> generator.fit(np.ones((4, 2, 2, 3)))
            >>> generator.mean
            array([[[1., 1., 1.]]], dtype=float32)

        Source:
            `ImageDataGenerator.fit`. As there, the mean is taken of rescaled images that the
            preprocessing function has not seen.
        """
        x = np.array(x, dtype=self.dtype)
        if x.ndim != 4:
            raise ValueError(
                f"Input to `.fit()` should have rank 4. Got array with shape: {x.shape}"
            )
        channels = x.shape[self.channel_axis]
        if channels not in (1, 3, 4):
            warnings.warn(
                f'Expected images in data format "{self.data_format}", with 1, 3 or 4 channels '
                f"on axis {self.channel_axis}. Got an array with shape {x.shape}.",
                stacklevel=2,
            )
        if seed is not None:
            self._random.seed(seed)
        if self.rescale:
            x *= self.rescale
        if augment:
            drawn = [self.random_transform(image) for _ in range(rounds) for image in x]
            x = np.array(drawn, dtype=self.dtype).reshape(-1, *x.shape[1:])
        self._find_statistics(x)

    @property
    def augments(self) -> bool:
        """Whether two epochs can show an image differently."""
        ranges = (getattr(self, name) for name in _NEUTRAL if name not in _PAIRS)
        return (
            any(np.any(value) for value in ranges)
            or self.brightness_range is not None
            or tuple(self.zoom_range) != (1, 1)
        )

    def without_augmentation(self) -> Self:
        """Give a generator that standardizes as this one does, and draws nothing.

        Returns:
            The new generator; statistics found by `fit` are shared.

        Example:
            >>> generator = ImageDataGenerator(rescale=0.5, rotation_range=10)
            >>> plain = generator.without_augmentation()
            >>> plain.rescale, plain.rotation_range
            (0.5, 0)
        """
        plain = copy.copy(self)
        for name, value in _NEUTRAL.items():
            setattr(plain, name, value)
        return plain

    def _check(self) -> None:
        if self.data_format not in ("channels_last", "channels_first"):
            raise ValueError(
                '`data_format` should be "channels_last" or "channels_first". '
                f"Received: {self.data_format}"
            )
        if self._validation_split and not 0 < self._validation_split < 1:
            raise ValueError(
                "`validation_split` must be strictly between 0 and 1. "
                f"Received: {self._validation_split}"
            )
        if self.fill_mode not in _FILL_MODES:
            raise ValueError(
                f"`fill_mode` should be one of {', '.join(_FILL_MODES[:4])}. "
                f"Received: {self.fill_mode!r}"
            )
        if self.interpolation_order not in range(6):
            raise ValueError(
                "`interpolation_order` should be a whole number from 0 to 5. "
                f"Received: {self.interpolation_order!r}"
            )
        validate_shift_range("width_shift_range", self.width_shift_range)
        validate_shift_range("height_shift_range", self.height_shift_range)
        if self.brightness_range is not None and (
            not isinstance(self.brightness_range, (tuple, list)) or len(self.brightness_range) != 2
        ):
            raise ValueError(
                "`brightness_range` should be a tuple or list of two floats. "
                f"Received: {self.brightness_range}"
            )


def _zoom_range(value: Any) -> list[float]:
    if isinstance(value, (float, int)):
        return [1 - value, 1 + value]
    if (
        isinstance(value, (tuple, list))
        and len(value) == 2
        and all(isinstance(part, (float, int)) for part in value)
    ):
        return [value[0], value[1]]
    raise ValueError(
        f"`zoom_range` should be a float or a tuple or list of two floats. Received: {value}"
    )
