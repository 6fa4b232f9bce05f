"""How a classifier reads and standardizes its images, as plain values that can be stored."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ...images.auditing.peculiarities import lost_in_color
from ...images.decoding.reading import COLOR_MODES, BadImageError, read_image, validate_color_mode
from ...images.decoding.resizing import validate_interpolation
from ...images.decoding.value_range import DtypeRange, as_dtype_range
from ...images.iterators.base import Iterator
from ...images.threads import default_workers, parallel_for
from ...images.transforms.augmenter import Augmenter

_SWITCHES = (
    "samplewise_center",
    "samplewise_std_normalization",
    "featurewise_center",
    "featurewise_std_normalization",
)
_STATISTICS = ("mean", "std")
_MOST_PIXELS = 4096 * 4096


@dataclass(frozen=True)
class PreprocessConfig:
    """The preprocessing that turns an image file into the input of a model.

    Attributes:
        target_size: Height and width in pixels.
        color_mode: "rgb", "rgba" or "grayscale".
        interpolation: The resampling method, as in `read_image`.
        keep_aspect_ratio: Whether images are cropped to the aspect ratio of `target_size` before
            they are resized, as in `read_image`.
        standardization: What is done to the pixels afterwards: `rescale` (a factor), those of
            `ImageDataGenerator`'s `samplewise_center`, `samplewise_std_normalization`,
            `featurewise_center` and `featurewise_std_normalization` that are on, and the `mean`
            and `std` that its `fit` computed, as nested lists of shape (1, 1, channels). Empty
            for none.
        dtype_range: The range of values in the files that becomes 0..255, as in `read_image`.

    Raises:
        ValueError: If a setting is unknown or out of range.

    Example:
        >>> PreprocessConfig((150, 150), standardization={"rescale": 1 / 255}).shape
        (150, 150, 3)
    """

    target_size: tuple[int, int]
    color_mode: str = "rgb"
    interpolation: str = "nearest"
    keep_aspect_ratio: bool = False
    standardization: Mapping[str, Any] = field(default_factory=dict)
    dtype_range: DtypeRange = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "target_size", _size(self.target_size))
        object.__setattr__(self, "dtype_range", as_dtype_range(self.dtype_range))
        validate_color_mode(self.color_mode)
        validate_interpolation(self.interpolation)
        crop = self.keep_aspect_ratio
        if not isinstance(crop, bool):
            raise ValueError(f"Expected keep_aspect_ratio to be True or False. Received: {crop!r}.")
        _ = self._generator

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and number of channels of the arrays."""
        return (*self.target_size, COLOR_MODES[self.color_mode])

    @classmethod
    def of_flow(cls, flow: Iterator) -> PreprocessConfig:
        """Take the settings of the iterator that a model was trained on.

        Args:
            flow: An iterator over files.

        Returns:
            Its settings, without augmentation.

        Raises:
            TypeError: If the iterator is not over files, and so does not know how to read them.
            ValueError: If its preprocessing cannot be stored.

        Example:
            >>> from pykeras_tl.images import ImageDataGenerator, generate_blood_cells
            >>> _ = generate_blood_cells("cells", train=1, test=1, test_simple=1, size=(24, 32))
            >>> flow = ImageDataGenerator(rescale=0.5).flow_from_directory("cells/TRAIN")
            Found 4 images belonging to 4 classes.
            >>> PreprocessConfig.of_flow(flow).standardization
            {'rescale': 0.5}
        """
        if not hasattr(flow, "interpolation"):
            raise TypeError(
                f"A {type(flow).__name__} does not know how files become its images. Pass an "
                "iterator over files, or create Classifier(model, class_names, "
                "PreprocessConfig(...))."
            )
        if flow.data_format != "channels_last":
            raise ValueError(
                "Expected images with the channels last. A classifier cannot store channels_first."
            )
        generator = flow.image_data_generator
        return cls(
            flow.target_size,
            flow.color_mode,
            flow.interpolation,
            bool(flow.keep_aspect_ratio),
            {} if generator is None else _standardization(generator),
            flow.dtype_range,
        )

    def read(self, path: str | os.PathLike[str]) -> np.ndarray:
        """Read one file as the model's input.

        Args:
            path: An image file.

        Returns:
            float32 array of `shape`.

        Raises:
            FileNotFoundError: If there is no such file.
            BadImageError: If it cannot be decoded.
        """
        return self.standardize(self.read_pixels(path))

    def read_pixels(self, path: str | os.PathLike[str]) -> np.ndarray:
        """Read one file as it is before the standardization.

        Args:
            path: An image file.

        Returns:
            Pixels from 0 to 255, float32 array of `shape`.

        Raises:
            FileNotFoundError: If there is no such file.
            BadImageError: If it cannot be decoded.
        """
        pixels = read_image(
            path,
            self.color_mode,
            self.target_size,
            self.interpolation,
            self.keep_aspect_ratio,
            self.dtype_range,
        )
        return pixels.astype("float32")

    def standardize(self, pixels: np.ndarray) -> np.ndarray:
        """Standardize the pixels of one image.

        Args:
            pixels: Pixels from 0 to 255, float array of `shape`; they are not changed.

        Returns:
            float32 array of the same shape.

        Example:
            >>> config = PreprocessConfig((1, 2), "grayscale", standardization={"rescale": 0.5})
            >>> config.standardize(np.array([[[2.0], [4.0]]]))[0, :, 0].tolist()
            [1.0, 2.0]
        """
        return self._generator.standardize(pixels.astype("float32"))

    def read_batch(
        self, files: Sequence[str]
    ) -> tuple[np.ndarray, dict[int, str], dict[str, str], dict[str, str]]:
        """Read several files as the model's input.

        Args:
            files: Image files.

        Returns:
            float32 array of shape (files, height, width, channels); why files cannot be read, by
            index; and by file what is lost of others' colors, and how they are turned.
        """
        losses: dict[str, str] = {}
        turns: dict[str, str] = {}
        color = self.color_mode == "rgb"
        keeps_depth = self.dtype_range is not None or not color
        batch = np.zeros((len(files), *self.shape), "float32")
        reasons: dict[int, str] = {}

        def read(index: int) -> None:
            try:
                image = batch[index] = self.read(files[index])
                blank = bool((image == image[:1, :1]).all())
                lost, turned = lost_in_color(files[index], blank and color, keeps_depth)
                if lost:
                    losses[files[index]] = lost
                if turned:
                    turns[files[index]] = turned
            except BadImageError as error:
                reasons[index] = error.reason
            except OSError as error:
                reasons[index] = f"cannot be read: {error.strerror or error}"

        parallel_for(read, len(files), default_workers())
        return batch, reasons, dict(sorted(losses.items())), dict(sorted(turns.items()))

    def as_json(self) -> dict[str, Any]:
        """Return the settings as values that JSON can represent.

        Returns:
            A dict that `PreprocessConfig(**…)` takes.

        Example:
            >>> PreprocessConfig((8, 8)).as_json()["target_size"]
            [8, 8]
        """
        return {**asdict(self), "target_size": list(self.target_size)}

    @cached_property
    def _generator(self) -> Augmenter:
        options = dict(self.standardization)
        unknown = set(options) - {"rescale", *_SWITCHES, *_STATISTICS}
        if unknown:
            raise ValueError(
                f"There is no standardization {sorted(unknown)[0]!r}. Expected: rescale, "
                f"{', '.join((*_SWITCHES, *_STATISTICS))}."
            )
        statistics = {name: options.pop(name, None) for name in _STATISTICS}
        for name, value in options.items():
            if name == "rescale" and not _is_number(value):
                raise ValueError(f"rescale is a number. Received: {value!r}.")
            if name in _SWITCHES and not isinstance(value, bool):
                raise ValueError(f"Expected {name} to be True or False. Received: {value!r}.")
        for switch, name in zip(_SWITCHES[2:], _STATISTICS):
            if bool(options.get(switch)) != (statistics[name] is not None):
                raise ValueError(
                    f"{switch} and {name} go together in a standardization. Pass both or neither."
                )
        generator = Augmenter(**options, data_format="channels_last", dtype="float32")
        for name, value in statistics.items():
            setattr(generator, name, None if value is None else self._statistic(name, value))
        return generator

    def _statistic(self, name: str, value: Any) -> np.ndarray:
        try:
            array = np.asarray(value, "float32")
        except (ValueError, TypeError) as error:
            raise ValueError(f"Expected the {name} of a standardization to be numbers.") from error
        if array.shape != (1, 1, self.shape[-1]) or not np.isfinite(array).all():
            raise ValueError(
                f"The {name} of a standardization has a finite number for each of "
                f"{self.shape[-1]} channels. Received: an array of shape {array.shape}."
            )
        return array


def _standardization(generator: Augmenter) -> dict[str, Any]:
    own = type(generator).standardize is not Augmenter.standardize
    if own or generator.preprocessing_function is not None:
        raise ValueError(
            "A preprocessing_function cannot be stored in a classifier, which never runs code of "
            "others. Put the scaling into the model, as transfer_model(...) does, with a layer "
            "such as InputScaling('caffe')."
        )
    if generator.zca_whitening:
        raise ValueError("zca_whitening cannot be stored in a classifier. Train without it.")
    stored: dict[str, Any] = {}
    if generator.rescale:
        stored["rescale"] = float(generator.rescale)
    for name in _SWITCHES[:2]:
        if getattr(generator, name):
            stored[name] = True
    # Without `fit`, Keras skips these and warns.
    for switch, name in zip(_SWITCHES[2:], _STATISTICS):
        if getattr(generator, switch) and getattr(generator, name) is not None:
            stored |= {switch: True, name: np.asarray(getattr(generator, name)).tolist()}
    return stored


def _size(size: Sequence[int]) -> tuple[int, int]:
    sides = [int(side) for side in size if _is_number(side) and int(side) == side]
    if len(sides) != 2 or len(size) != 2 or min(sides) < 1 or sides[0] * sides[1] > _MOST_PIXELS:
        raise ValueError(
            f"target_size is height and width in pixels, at most {_MOST_PIXELS:,} pixels in all. "
            f"Received: {size!r}."
        )
    return sides[0], sides[1]


def _is_number(value: Any) -> bool:
    return (
        isinstance(value, (int, float, np.integer, np.floating))
        and not isinstance(value, bool)
        and math.isfinite(value)
    )
