"""`Augmenter`: random transforms and standardization with the arguments of Keras's generator."""

from __future__ import annotations

import copy
import inspect
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
    """The settings of an `ImageDataGenerator`, and the methods that work on one image.

    `ImageDataGenerator` documents the arguments and adds the iterators over batches.

    Raises:
        ValueError: When an argument is out of range or unknown.

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
        self._validate()
        first = self.data_format == "channels_first"
        self.channel_axis, self.row_axis, self.col_axis = (1, 2, 3) if first else (3, 1, 2)
        self._enable_required_settings()

    def __repr__(self) -> str:
        standard = vars(Augmenter())
        arguments = inspect.signature(Augmenter).parameters
        settings = [
            f"{name.lstrip('_')}={value!r}"
            for name, value in vars(self).items()
            if name.lstrip("_") in arguments and repr(value) != repr(standard[name])
        ]
        return f"{type(self).__name__}({', '.join(settings)})"

    def get_random_transform(
        self, img_shape: Sequence[int], seed: int | None = None
    ) -> dict[str, Any]:
        """Sample the parameters of a random transform.

        Args:
            img_shape: Shape of the image, of length 3 in the generator's data format.
            seed: Seeds the generator's random stream, which later calls continue.

        Returns:
            The parameters, by the names that `apply_transform` takes.

        Example:
            >>> params = Augmenter(rotation_range=10).get_random_transform((8, 8, 3), seed=0)
            >>> round(params["theta"], 3)
            0.976
        """
        if seed is not None:
            self._random.seed(seed)
        height, width = img_shape[self.row_axis - 1], img_shape[self.col_axis - 1]
        return sample_params(self, height, width, self._random)

    def apply_transform(self, x: np.ndarray, transform_parameters: dict[str, Any]) -> np.ndarray:
        """Apply a transform to an image.

        Args:
            x: Image, an array of rank 3.
            transform_parameters: Any of theta and shear (degrees), tx and ty (pixels), zx, zy
                and brightness (factors), channel_shift_intensity (in values of `x`),
                flip_horizontal and flip_vertical (bool).

        Returns:
            Array of the shape of `x`.

        Raises:
            ValueError: With brightness, when the generator's data format is not Keras's setting.

        Example:
            >>> image = np.arange(4.0).reshape(2, 2, 1)
            >>> Augmenter().apply_transform(image, {"flip_vertical": True})[..., 0]
            array([[2., 3.],
                   [0., 1.]])
        """
        rows, columns, channels = self.row_axis - 1, self.col_axis - 1, self.channel_axis - 1
        get = transform_parameters.get
        intensity, brightness = get("channel_shift_intensity"), get("brightness")
        # Brightness truncates values to integers, where the smallest error can change a value.
        exact = brightness is not None
        axes = (rows, columns, channels)
        order = self.interpolation_order
        x = transform(x, transform_parameters, axes, self.fill_mode, self.cval, order, exact)
        if intensity is not None:
            x = apply_channel_shift(x, intensity, channels)
        if get("flip_horizontal", False):
            x = np.flip(x, columns)
        if get("flip_vertical", False):
            x = np.flip(x, rows)
        if brightness is not None:
            x = apply_brightness_shift(x, brightness, False)
        return x

    def random_transform(self, x: np.ndarray, seed: int | None = None) -> np.ndarray:
        """Apply a random transform to an image.

        Args:
            x: Image, an array of rank 3.
            seed: Seeds the generator's random stream, which later calls continue.

        Returns:
            Array of the shape of `x`.

        Example:
            >>> augmenter = Augmenter(horizontal_flip=True)
            >>> image = np.arange(3.0).reshape(1, 3, 1)
            >>> [augmenter.random_transform(image, seed)[0, :, 0].tolist() for seed in (0, 1)]
            [[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]]
        """
        return self.apply_transform(x, self.get_random_transform(x.shape, seed))

    def fit(self, x: Any, augment: bool = False, rounds: int = 1, seed: int | None = None) -> None:
        """Compute the mean, deviation and whitening matrix of the feature-wise settings.

        Args:
            x: Sample images, shape (samples, height, width, channels) or (samples, channels,
                height, width).
            augment: Whether to compute them from augmented images.
            rounds: Number of augmented versions of each image.
            seed: Seeds the generator's random stream, which later calls continue.

        Raises:
            ValueError: When `x` does not have rank 4.

        Example:
            >>> augmenter = Augmenter(featurewise_center=True)
            >>> augmenter.fit(np.array([1.0, 4.0]).reshape(2, 1, 1, 1))
            >>> augmenter.mean
            array([[[2.5]]], dtype=float32)

        Source:
            `ImageDataGenerator.fit`. As there, images are rescaled before, but the
            preprocessing function is not applied.
        """
        x = np.array(x, dtype=self.dtype)
        if x.ndim != 4:
            raise ValueError(
                "Expected x to have rank 4: (samples, height, width, channels). "
                f"Received: shape {x.shape}."
            )
        channels = x.shape[self.channel_axis]
        if channels not in (1, 3, 4):
            warnings.warn(
                f'Expected 1, 3 or 4 channels on axis {self.channel_axis} ("{self.data_format}"). '
                f"Received: an array of shape {x.shape}.",
                stacklevel=2,
            )
        if seed is not None:
            self._random.seed(seed)
        if self.rescale:
            x *= self.rescale
        if augment:
            augmented = [self.random_transform(image) for _ in range(rounds) for image in x]
            x = np.array(augmented, dtype=self.dtype).reshape(-1, *x.shape[1:])
        self._compute_statistics(x)

    @property
    def augments(self) -> bool:
        """Whether the settings can make an image's pixels differ between epochs."""
        ranges = (getattr(self, name) for name in _NEUTRAL if name not in _PAIRS)
        return (
            any(np.any(value) for value in ranges)
            or self.brightness_range is not None
            or tuple(self.zoom_range) != (1, 1)
        )

    def without_augmentation(self) -> Self:
        """Return a copy that standardizes in the same way and does not augment.

        Returns:
            The copy; it shares the statistics computed by `fit`.

        Example:
            >>> augmenter = Augmenter(rescale=0.5, rotation_range=10)
            >>> plain = augmenter.without_augmentation()
            >>> plain.rescale, plain.rotation_range
            (0.5, 0)
        """
        plain = copy.copy(self)
        for name, value in _NEUTRAL.items():
            setattr(plain, name, value)
        return plain

    def _validate(self) -> None:
        if self.data_format not in ("channels_last", "channels_first"):
            raise ValueError(
                'Expected data_format to be "channels_last" or "channels_first". '
                f"Received: {self.data_format!r}"
            )
        if self._validation_split and not 0 < self._validation_split < 1:
            raise ValueError(
                "Expected validation_split to be strictly between 0 and 1. "
                f"Received: {self._validation_split}"
            )
        if self.fill_mode not in _FILL_MODES:
            raise ValueError(
                f"Expected fill_mode to be one of: {', '.join(_FILL_MODES[:4])}. "
                f"Received: {self.fill_mode!r}"
            )
        if self.interpolation_order not in range(6):
            raise ValueError(
                "Expected interpolation_order to be an integer from 0 to 5. "
                f"Received: {self.interpolation_order!r}"
            )
        validate_shift_range("width_shift_range", self.width_shift_range)
        validate_shift_range("height_shift_range", self.height_shift_range)
        if self.brightness_range is not None and (
            not isinstance(self.brightness_range, (tuple, list)) or len(self.brightness_range) != 2
        ):
            raise ValueError(
                "Expected brightness_range to be a tuple or list of two floats. "
                f"Received: {self.brightness_range}"
            )


def _zoom_range(value: Any) -> list[float]:
    if isinstance(value, (float, int)):
        return [1 - value, 1 + value]
    if (
        isinstance(value, (tuple, list))
        and len(value) == 2
        and all(isinstance(factor, (float, int)) for factor in value)
    ):
        return [value[0], value[1]]
    raise ValueError(
        f"Expected zoom_range to be a float, or a tuple or list of two floats. Received: {value}"
    )
