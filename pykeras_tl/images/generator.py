"""`ImageDataGenerator`: the settings of augmentation and standardization, and flows with them."""

from __future__ import annotations

import copy
import os
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .affine import transform
from .draws import Ranges, check_shift_range, draw_transform
from .pointwise import apply_brightness_shift, apply_channel_shift
from .standardization import Standardization

if TYPE_CHECKING:
    import pandas as pd

    from .array_flow import NumpyArrayIterator
    from .dataframe_flow import DataFrameIterator
    from .directory_flow import DirectoryIterator

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


class ImageDataGenerator(Ranges, Standardization):
    """Batches of images with random augmentation and standardization, as in Keras.

    Args:
        featurewise_center: Whether to subtract the mean that `fit` found.
        samplewise_center: Whether to subtract each image's own mean.
        featurewise_std_normalization: Whether to divide by the deviation that `fit` found.
        samplewise_std_normalization: Whether to divide by each image's own deviation.
        zca_whitening: Whether to whiten with the matrix that `fit` found.
        zca_epsilon: What is added to the singular values for that.
        rotation_range: Greatest turn, in degrees.
        width_shift_range: Greatest shift: below 1 a fraction, else pixels; or a list of
            shifts to choose from. It moves images along the rows, as in Keras (see Source).
        height_shift_range: The same along the columns.
        brightness_range: Least and greatest factor of brightness.
        shear_range: Greatest shear, in degrees.
        zoom_range: Least and greatest zoom, or z for 1-z to 1+z.
        channel_shift_range: Greatest value added to all channels.
        fill_mode: What lies beyond an edge: "nearest", "constant", "reflect" or "wrap".
        cval: The value beyond the edge for "constant".
        horizontal_flip: Whether to mirror half of the images left to right.
        vertical_flip: Whether to mirror half of them top to bottom.
        rescale: Factor for the values, applied after augmentation; None or 0 for none.
        preprocessing_function: Called with each augmented image, a float array of three
            axes; returns one of the same shape. When it has a true attribute
            `main_thread_only`, it is only called on the thread that asks for the batch.
        data_format: "channels_last" or "channels_first"; Keras's setting when absent.
        validation_split: Share of the images, the first ones of each class, that
            `subset="validation"` takes.
        interpolation_order: Order of the interpolating spline, 0 (nearest pixel) to 5.
        dtype: Type of the batches; Keras's `floatx` when absent.

    Raises:
        ValueError: When an argument cannot mean anything.

    Example:
        >>> generator = ImageDataGenerator(rescale=1 / 255, rotation_range=10)
        >>> flow = generator.flow(np.zeros((4, 8, 8, 3)), batch_size=2, seed=0)
        >>> next(flow).shape
        (2, 8, 8, 3)

    Source:
        `keras.src.legacy.preprocessing.image.ImageDataGenerator`. The same arguments and
        seed give the same images, in Keras's own ways too: `height_shift_range` is scaled by
        the height and moves along the columns, `width_shift_range` the other way round, and
        an image that is not square turns about the centre of its transpose. Random numbers
        come from generators of our own; NumPy's global one is left alone.
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

    def flow(
        self,
        x: Any,
        y: Any = None,
        batch_size: int = 32,
        shuffle: bool = True,
        sample_weight: Any = None,
        seed: int | None = None,
        save_to_dir: str | os.PathLike[str] | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        ignore_class_split: bool = False,
        subset: str | None = None,
        workers: int | None = None,
    ) -> NumpyArrayIterator:
        """Make batches of images that are in memory.

        Args:
            x: Images, of shape (samples, height, width, channels) or with the channels
                second; or (images, other) where other is an array or a list of arrays that
                go along with them.
            y: Labels.
            batch_size: Images in a batch.
            shuffle: Whether to mix them anew for each epoch.
            sample_weight: A weight for each image.
            seed: Makes order and augmentation repeatable.
            save_to_dir: Folder where the images of each batch are saved.
            save_prefix: Start of the names there.
            save_format: Format of the files there.
            ignore_class_split: Whether not to check that both subsets have all classes.
            subset: "training" or "validation", with `validation_split`.
            workers: Threads to compute with; as many as there are processors when absent.

        Returns:
            An iterator over batches (x, y, sample_weight), as far as these are given.

        Raises:
            ValueError: When lengths or shapes do not fit, or an argument is unknown.

        Example:
            >>> flow = ImageDataGenerator().flow(np.zeros((4, 8, 8, 3)), [0, 1, 0, 1])
            >>> [part.shape for part in next(flow)]
            [(4, 8, 8, 3), (4,)]
        """
        from .array_flow import NumpyArrayIterator

        return NumpyArrayIterator(
            x,
            y,
            self,
            batch_size=batch_size,
            shuffle=shuffle,
            sample_weight=sample_weight,
            seed=seed,
            data_format=self.data_format,
            save_to_dir=save_to_dir,
            save_prefix=save_prefix,
            save_format=save_format,
            ignore_class_split=ignore_class_split,
            subset=subset,
            dtype=self.dtype,
            workers=workers,
        )

    def flow_from_directory(
        self,
        directory: str | os.PathLike[str],
        target_size: tuple[int, int] = (256, 256),
        color_mode: str = "rgb",
        classes: Sequence[str] | None = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        save_to_dir: str | os.PathLike[str] | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        follow_links: bool = False,
        subset: str | None = None,
        interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
        check: str | None = None,
        on_bad: str = "raise",
        workers: int | None = None,
        cache: bool = True,
    ) -> DirectoryIterator:
        """Make batches of the images in a folder that holds one folder for each class.

        Args:
            directory: The folder.
            target_size: Height and width that all images are resized to.
            color_mode: "rgb", "rgba" or "grayscale".
            classes: Names of the class folders in the order wanted; all of them, sorted,
                when absent.
            class_mode: What the labels are: "categorical" (one-hot), "sparse" (numbers),
                "binary" (0 and 1), "input" (the images themselves), or None.
            batch_size: Images in a batch.
            shuffle: Whether to mix the images anew for each epoch.
            seed: Makes order and augmentation repeatable.
            save_to_dir: Folder where the images of each batch are saved.
            save_prefix: Start of the names there.
            save_format: Format of the files there.
            follow_links: Whether to enter folders in class folders that are links.
            subset: "training" or "validation", with `validation_split`.
            interpolation: One of "nearest", "bilinear", "bicubic", "hamming", "box",
                "lanczos".
            keep_aspect_ratio: Whether to cut images to the shape of `target_size` before
                they are resized.
            check: "all" decodes every file now, so that bad ones are found at once.
            on_bad: "raise" an error for a file that cannot be read, or "skip" to decode all
                files now and set the bad ones aside in `bad_files`.
            workers: Threads to compute with; as many as there are processors when absent.
            cache: Whether to keep decoded images for later epochs.

        Returns:
            An iterator over batches (x, y), or x alone without labels.

        Raises:
            FileNotFoundError: When the folder does not exist.
            ValueError: When it holds no class folder or no image, or an argument is unknown.
            BadImageError: When a file cannot be read and is not to be skipped.

        Example:
            >>> import tempfile
            >>> from PIL import Image
            >>> folder = tempfile.mkdtemp()
            >>> for name in ["cat", "dog"]:
            ...     os.mkdir(f"{folder}/{name}")
            ...     Image.new("RGB", (9, 9)).save(f"{folder}/{name}/1.png")
            >>> flow = ImageDataGenerator().flow_from_directory(folder, target_size=(8, 8))
            Found 2 images belonging to 2 classes.
            >>> [part.shape for part in next(flow)]
            [(2, 8, 8, 3), (2, 2)]
        """
        from .directory_flow import DirectoryIterator

        return DirectoryIterator(
            directory,
            self,
            target_size=target_size,
            color_mode=color_mode,
            classes=classes,
            class_mode=class_mode,
            batch_size=batch_size,
            shuffle=shuffle,
            seed=seed,
            data_format=self.data_format,
            save_to_dir=save_to_dir,
            save_prefix=save_prefix,
            save_format=save_format,
            follow_links=follow_links,
            subset=subset,
            interpolation=interpolation,
            keep_aspect_ratio=keep_aspect_ratio,
            dtype=self.dtype,
            check=check,
            on_bad=on_bad,
            workers=workers,
            cache=cache,
        )

    def flow_from_dataframe(
        self,
        dataframe: pd.DataFrame,
        directory: str | os.PathLike[str] | None = None,
        x_col: str = "filename",
        y_col: str | list[str] = "class",
        weight_col: str | None = None,
        target_size: tuple[int, int] = (256, 256),
        color_mode: str = "rgb",
        classes: Sequence[str] | None = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        save_to_dir: str | os.PathLike[str] | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        subset: str | None = None,
        interpolation: str = "nearest",
        validate_filenames: bool = True,
        keep_aspect_ratio: bool = False,
        check: str | None = None,
        on_bad: str = "raise",
        workers: int | None = None,
        cache: bool = True,
        **kwargs: Any,
    ) -> DataFrameIterator:
        """Make batches of the images that a table lists.

        Args:
            dataframe: The table.
            directory: Folder that the names are relative to.
            x_col: Column of the files' names.
            y_col: Column, or columns, of the labels.
            weight_col: Column of the samples' weights.
            target_size: Height and width that all images are resized to.
            color_mode: "rgb", "rgba" or "grayscale".
            classes: Names of the classes in the order wanted; those in the table, sorted,
                when absent.
            class_mode: What the labels are: "categorical" (one-hot, also several classes an
                image), "sparse", "binary", "raw" (the column as it is), "multi_output" (a
                list of columns), "input" (the images themselves), or None.
            batch_size: Images in a batch.
            shuffle: Whether to mix the images anew for each epoch.
            seed: Makes order and augmentation repeatable.
            save_to_dir: Folder where the images of each batch are saved.
            save_prefix: Start of the names there.
            save_format: Format of the files there.
            subset: "training" or "validation", with `validation_split`.
            interpolation: One of "nearest", "bilinear", "bicubic", "hamming", "box",
                "lanczos".
            validate_filenames: Whether to leave out, with a warning, names of files that do
                not exist or are not images by their extension.
            keep_aspect_ratio: Whether to cut images to the shape of `target_size` before
                they are resized.
            check: "all" decodes every file now, so that bad ones are found at once.
            on_bad: "raise" an error for a file that cannot be read, or "skip" to decode all
                files now and set the bad ones aside in `bad_files`.
            workers: Threads to compute with; as many as there are processors when absent.
            cache: Whether to keep decoded images for later epochs.
            **kwargs: The names `has_ext`, `sort` and `drop_duplicates`, which old scripts
                have and which do nothing.

        Returns:
            An iterator over batches (x, y, sample_weight), as far as these are given.

        Raises:
            TypeError: When a column's values are of the wrong kind, or an argument is
                unknown (Keras takes any without a word).
            ValueError: When no file is left, or an argument is unknown.
            BadImageError: When a file cannot be read and is not to be skipped.

        Example:
            >>> import tempfile
            >>> import pandas as pd
            >>> from PIL import Image
            >>> folder = tempfile.mkdtemp()
            >>> Image.new("RGB", (9, 9)).save(f"{folder}/1.png")
            >>> table = pd.DataFrame({"filename": ["1.png"], "class": ["cat"]})
            >>> flow = ImageDataGenerator().flow_from_dataframe(table, folder)
            Found 1 validated image filenames belonging to 1 classes.
            >>> next(flow)[0].shape
            (1, 256, 256, 3)
        """
        from .dataframe_flow import DataFrameIterator

        for name in kwargs:
            if name not in ("has_ext", "sort", "drop_duplicates"):
                raise TypeError(f"flow_from_dataframe() got an unknown argument {name!r}.")
            warnings.warn(f"{name} is deprecated and does nothing.", DeprecationWarning, 2)
        if class_mode == "other":
            warnings.warn(
                '`class_mode="other"` is deprecated, please use `class_mode="raw"`.',
                DeprecationWarning,
                stacklevel=2,
            )
            class_mode = "raw"
        return DataFrameIterator(
            dataframe,
            directory,
            self,
            x_col=x_col,
            y_col=y_col,
            weight_col=weight_col,
            target_size=target_size,
            color_mode=color_mode,
            classes=classes,
            class_mode=class_mode,
            batch_size=batch_size,
            shuffle=shuffle,
            seed=seed,
            data_format=self.data_format,
            save_to_dir=save_to_dir,
            save_prefix=save_prefix,
            save_format=save_format,
            subset=subset,
            interpolation=interpolation,
            keep_aspect_ratio=keep_aspect_ratio,
            dtype=self.dtype,
            validate_filenames=validate_filenames,
            check=check,
            on_bad=on_bad,
            workers=workers,
            cache=cache,
        )

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
        return draw_transform(self, height, width, self._random)

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
            >>> picture = np.arange(4.0).reshape(2, 2, 1)
            >>> ImageDataGenerator().apply_transform(picture, {"flip_vertical": True})[..., 0]
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

    def without_augmentation(self) -> ImageDataGenerator:
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
        check_shift_range("width_shift_range", self.width_shift_range)
        check_shift_range("height_shift_range", self.height_shift_range)
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
