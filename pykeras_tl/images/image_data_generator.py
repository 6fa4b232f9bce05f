"""`ImageDataGenerator`: an augmenter that creates iterators over batches of images."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .decoding.value_range import DtypeRange
from .iterators.dataframe_iterator import DataFrameIterator
from .iterators.directory_iterator import DirectoryIterator
from .iterators.numpy_array_iterator import NumpyArrayIterator
from .packed_flows import PackedFlows
from .transforms.augmenter import Augmenter

if TYPE_CHECKING:
    import pandas as pd


class ImageDataGenerator(PackedFlows, Augmenter):
    """Batches of images with random augmentation and standardization, as in Keras.

    Args:
        featurewise_center: Whether to subtract each channel's mean over the data set; see `fit`.
        samplewise_center: Whether to subtract each image's own mean.
        featurewise_std_normalization: Whether to divide by each channel's deviation; see `fit`.
        samplewise_std_normalization: Whether to divide by each image's own standard deviation.
        zca_whitening: Whether to apply ZCA whitening; see `fit`.
        zca_epsilon: Added to the singular values in ZCA whitening, above 0.
        rotation_range: Rotate by -rotation_range to rotation_range degrees.
        width_shift_range: Shift by up to this fraction of the width (below 1) or this many
            pixels (1 or more), either way; or a list of shifts to choose from. As in Keras, it
            shifts vertically (see Source).
        height_shift_range: The same for the height; as in Keras, it shifts horizontally.
        brightness_range: Smallest and largest brightness factor; 0 is black, 1 no change.
        shear_range: Shear by -shear_range to shear_range degrees.
        zoom_range: Smallest and largest zoom factor, below 1 magnifies; or z for 1-z to 1+z.
        channel_shift_range: Add up to this value, either sign, within the image's value range.
        fill_mode: How points outside the image are filled:
            "nearest": `aaaaaaaa|abcd|dddddddd`
            "constant": `kkkkkkkk|abcd|kkkkkkkk`, with k=cval
            "reflect": `abcddcba|abcd|dcbaabcd`
            "wrap": `bcdbcdbc|abcd|bcabcabc`, as SciPy does it
        cval: Value of points outside the image for "constant".
        horizontal_flip: Whether to flip images left to right, with probability 0.5.
        vertical_flip: Whether to flip images upside down, with probability 0.5.
        rescale: Factor that values are multiplied by after augmentation; None or 0 for none.
        preprocessing_function: Called with each augmented image, a float array of rank 3;
            returns one of the same shape. If it has a true attribute `main_thread_only`, it
            is only called on the thread that asks for the batch.
        data_format: "channels_last" or "channels_first"; Keras's setting when None.
        validation_split: Fraction of the images, the first ones of each class, for
            `subset="validation"`; between 0 and 1.
        interpolation_order: Order of the spline interpolation, 0 (nearest pixel) to 5.
        dtype: Data type of the batches; Keras's `floatx` when None.

    Raises:
        ValueError: When an argument is out of range or unknown.

    Example:
        >>> import numpy as np
        >>> generator = ImageDataGenerator(rescale=0.5, horizontal_flip=True)
        >>> iterator = generator.flow(np.array([0, 100, 200]).reshape(1, 1, 3, 1), seed=0)
        >>> [next(iterator).ravel().tolist() for _ in range(2)]
        [[0.0, 50.0, 100.0], [100.0, 50.0, 0.0]]

    Source:
        `keras.src.legacy.preprocessing.image.ImageDataGenerator`. The same arguments and
        seed give the same images, including what is surprising in Keras: `height_shift_range`
        is scaled by the height and shifts along the columns, `width_shift_range` the other
        way round, and an image that is not square rotates about the center of its transpose.
        Random numbers come from the generator's own streams, never from NumPy's global one.
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
        """Iterate over batches of images in memory.

        Args:
            x: Images, shape (samples, height, width, channels) or (samples, channels, height,
                width); or (images, others), where others is an array or a list of arrays with
                one entry for each image, which are put into the batches unchanged.
            y: Labels, of length samples; None for none.
            batch_size: Images in a batch; the last one of an epoch may be smaller.
            shuffle: Whether to shuffle the images for each epoch.
            sample_weight: Weights, shape (samples,); None for none.
            seed: Makes order and augmentation repeatable.
            save_to_dir: Existing folder where the images of each batch are saved.
            save_prefix: Prefix of the names there.
            save_format: Format of the files there.
            ignore_class_split: Whether to allow subsets with different classes.
            subset: "training" or "validation", with `validation_split`.
            workers: Number of threads; one for each available processor when None.

        Returns:
            An endless iterator over batches x, (x, y) or (x, y, sample_weight).

        Raises:
            ValueError: When lengths or shapes do not match, or an argument is out of range.

        Example:
            >>> import numpy as np
            >>> iterator = ImageDataGenerator().flow(np.zeros((4, 8, 8, 3)), [0, 1, 0, 1])
            >>> [array.shape for array in next(iterator)]
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
        formats: str = "keras",
        dtype_range: DtypeRange = None,
    ) -> DirectoryIterator:
        """Iterate over batches of the images in a folder with one subfolder for each class.

        Args:
            directory: Folder that holds one folder of images for each class.
            target_size: Height and width in pixels that all images are resized to.
            color_mode: "rgb", "rgba" or "grayscale".
            classes: Class folders in the order of their numbers; all of them, sorted, when None.
            class_mode: How labels are encoded: "categorical" (one-hot), "sparse" (class
                numbers), "binary" (0 and 1), "input" (the images themselves), or None.
            batch_size: Images in a batch; the last one of an epoch may be smaller.
            shuffle: Whether to shuffle the images for each epoch.
            seed: Makes order and augmentation repeatable.
            save_to_dir: Existing folder where the images of each batch are saved.
            save_prefix: Prefix of the names there.
            save_format: Format of the files there.
            follow_links: Whether to follow symbolic links to folders inside class folders.
            subset: "training" or "validation", with `validation_split`.
            interpolation: How to resize, as in `read_image`.
            keep_aspect_ratio: Whether to crop images to the aspect ratio of `target_size`
                before they are resized.
            check: "all" decodes every file first, to find bad ones before the first batch.
            on_bad: "raise" an error for a file that cannot be read, or "skip" to decode all
                files first and list the bad ones in `bad_files`.
            workers: Number of threads; one for each available processor when None.
            cache: Whether to keep decoded images for later epochs.
            formats: "keras" for files with Keras's extensions, or "all" that can be read, such
                as WebP and GIF too.
            dtype_range: For files of 16 bits or floating-point numbers: the range of values that
                becomes 0..255, "dtype" or a pair such as (0, 4095), as in `read_image`.

        Returns:
            An endless iterator over batches x or (x, y); as in Keras, of length 0 when the
            folder has no images, with a warning.

        Raises:
            FileNotFoundError: When the folder does not exist.
            ValueError: When an argument is out of range or unknown.
            BadImageError: With `check="all"`, when a file cannot be read.

        Example:
            >>> from PIL import Image
            >>> for name in ["cat", "dog"]:
            ...     os.makedirs(f"pets/{name}")
            ...     Image.new("RGB", (9, 9)).save(f"pets/{name}/1.png")
            >>> generator = ImageDataGenerator(rescale=1 / 255)
            >>> iterator = generator.flow_from_directory("pets", target_size=(8, 8))
            Found 2 images belonging to 2 classes.
            >>> [array.shape for array in next(iterator)]
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
            formats=formats,
            dtype_range=dtype_range,
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
        formats: str = "keras",
        dtype_range: DtypeRange = None,
        **kwargs: Any,
    ) -> DataFrameIterator:
        """Iterate over batches of the image files that a table lists.

        Args:
            dataframe: Table with one row for each image.
            directory: Folder that the file names are relative to.
            x_col: Column with the file names.
            y_col: Column, or columns, with the labels.
            weight_col: Column with the sample weights.
            target_size: Height and width in pixels that all images are resized to.
            color_mode: "rgb", "rgba" or "grayscale".
            classes: Names of the classes in the order of their numbers; all, sorted, when None.
            class_mode: How labels are encoded: "categorical" (one-hot; a list for several
                classes), "sparse", "binary", "raw" (the column's values), "multi_output" (the
                values of several columns), "input" (the images themselves), or None.
            batch_size: Images in a batch; the last one of an epoch may be smaller.
            shuffle: Whether to shuffle the images for each epoch.
            seed: Makes order and augmentation repeatable.
            save_to_dir: Existing folder where the images of each batch are saved.
            save_prefix: Prefix of the names there.
            save_format: Format of the files there.
            subset: "training" or "validation", with `validation_split`.
            interpolation: How to resize, as in `read_image`.
            validate_filenames: Whether to leave out, with a warning, files that do not exist
                or have no image extension.
            keep_aspect_ratio: Whether to crop images first, as in `flow_from_directory`.
            check: "all" decodes every file first, as in `flow_from_directory`.
            on_bad: "raise" or "skip", as in `flow_from_directory`.
            workers: Number of threads; one for each available processor when None.
            cache: Whether to keep decoded images for later epochs.
            formats: "keras" or "all", as in `flow_from_directory`.
            dtype_range: The range of values that becomes 0..255, as in `flow_from_directory`.
            **kwargs: `has_ext`, `sort` and `drop_duplicates` of old scripts, which do nothing.

        Returns:
            An endless iterator over batches x, (x, y) or (x, y, sample_weight); as in Keras, of
            length 0 when no file is left, with a warning.

        Raises:
            TypeError: When a column has values of the wrong type, or an argument is unknown.
            ValueError: When a column is missing, or an argument is out of range.
            BadImageError: With `check="all"`, when a file cannot be read.

        Example:
            >>> import pandas as pd
            >>> from PIL import Image
            >>> Image.new("RGB", (9, 9)).save("1.png")
            >>> table = pd.DataFrame({"filename": ["1.png"], "class": ["cat"]})
            >>> iterator = ImageDataGenerator().flow_from_dataframe(table)
            Found 1 validated image filenames belonging to 1 classes.
            >>> next(iterator)[0].shape
            (1, 256, 256, 3)
        """
        for name in kwargs:
            if name not in ("has_ext", "sort", "drop_duplicates"):
                raise TypeError(f"flow_from_dataframe() got an unexpected argument {name!r}.")
            warnings.warn(f"{name} is deprecated and does nothing.", DeprecationWarning, 2)
        if class_mode == "other":
            warnings.warn('class_mode="other" is now called "raw".', DeprecationWarning, 2)
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
            formats=formats,
            dtype_range=dtype_range,
        )
