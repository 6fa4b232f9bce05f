"""`ImageDataGenerator`: an augmenter that makes iterators over batches of images."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .iterators.dataframe_iterator import DataFrameIterator
from .iterators.directory_iterator import DirectoryIterator
from .iterators.numpy_array_iterator import NumpyArrayIterator
from .transforms.augmenter import Augmenter

if TYPE_CHECKING:
    import pandas as pd


class ImageDataGenerator(Augmenter):
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
            >>> import numpy as np
            >>> from pykeras_tl.images import ImageDataGenerator
            >>> flow = ImageDataGenerator().flow(np.zeros((4, 8, 8, 3)), [0, 1, 0, 1])
            >>> [part.shape for part in next(flow)]
            [(4, 8, 8, 3), (4,)]
        """
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
            >>> from pykeras_tl.images import ImageDataGenerator
            >>> folder = tempfile.mkdtemp()
            >>> for name in ["cat", "dog"]:
            ...     os.mkdir(f"{folder}/{name}")
            ...     Image.new("RGB", (9, 9)).save(f"{folder}/{name}/1.png")
            >>> flow = ImageDataGenerator().flow_from_directory(folder, target_size=(8, 8))
            Found 2 images belonging to 2 classes.
            >>> [part.shape for part in next(flow)]
            [(2, 8, 8, 3), (2, 2)]
        """
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
            >>> from pykeras_tl.images import ImageDataGenerator
            >>> folder = tempfile.mkdtemp()
            >>> Image.new("RGB", (9, 9)).save(f"{folder}/1.png")
            >>> table = pd.DataFrame({"filename": ["1.png"], "class": ["cat"]})
            >>> flow = ImageDataGenerator().flow_from_dataframe(table, folder)
            Found 1 validated image filenames belonging to 1 classes.
            >>> next(flow)[0].shape
            (1, 256, 256, 3)
        """
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
