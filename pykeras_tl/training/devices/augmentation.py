"""Decides where images are augmented, and lets the device that trains do it."""

from __future__ import annotations

import logging
import time
from typing import Any

import keras
import numpy as np

from ...images.image_data_generator import ImageDataGenerator
from ...images.iterators.base import Iterator
from ...images.iterators.numpy_array_iterator import NumpyArrayIterator
from ...images.transforms.pipeline import overridden
from ...models.keras_internals import compile_like, functional_graph
from ..data_adapter import BatchSource, DerivedBatches
from ..feature_cache.caching import FitInputs
from .augmentation_layer import FILL_MODES, AugmentationLayer, transform_inputs, unchanged
from .selection import accelerated

_logger = logging.getLogger(__name__)
PLACES = ("auto", "cpu", "device")
# How much longer a training step takes than a prediction, at least.
_STEP = 2.0


def check_place(augment_on: str, inputs: FitInputs, **others: Any) -> None:
    """Check where images are to be augmented.

    Args:
        augment_on: `"auto"`, `"cpu"` or `"device"`.
        inputs: The user's model and iterators.
        **others: Arguments of `fit` that leave nothing to the device.

    Raises:
        ValueError: When it is unknown, or the device cannot do what the iterator does.
    """
    if augment_on not in PLACES:
        raise ValueError(f"Expected `augment_on` to be one of {PLACES}. Received: {augment_on!r}.")
    given = [name for name, value in others.items() if value]
    reason = given[0] if given else _why_not(inputs)
    if augment_on == "device" and reason:
        raise ValueError(
            f"Expected `augment_on` to be 'cpu' or 'auto' with {reason}. Received: 'device'."
        )


def augments_on_device(inputs: FitInputs, augment_on: str, workers: int | None) -> bool:
    """Return whether the device is to augment the images.

    Where nothing is said, it does on an accelerator that would wait for the CPU.

    Args:
        inputs: The user's model and iterators.
        augment_on: `"auto"`, `"cpu"` or `"device"`.
        workers: Number of threads that compute batches; the iterator's own by default.
    """
    if augment_on != "auto":
        return augment_on == "device"
    if not accelerated() or _why_not(inputs):
        return False
    iterator, model = inputs.source, inputs.model
    state = iterator.get_state()
    try:
        spec = iterator.next_batch_spec()
        # The first time, files are read and the network is compiled.
        batch = iterator.compute_batch(spec, workers)
        model.test_on_batch(*batch)
        begun = time.perf_counter()
        # Not one thread's time by their number: sixteen may be no faster than four.
        iterator.compute_batch(spec, workers)
        computed = time.perf_counter()
        model.test_on_batch(*batch)
        predicted = time.perf_counter()
    finally:
        iterator.set_state(state)
    made = computed - begun
    trained = _STEP * (predicted - computed)
    if made > trained:
        _logger.info(
            "Images are augmented on the device, since the CPU would take %.1f ms for a batch that "
            "it trains on in %.1f ms; augment_on='cpu' turns this off.", 1e3 * made, 1e3 * trained
        )  # fmt: skip
    return made > trained


def augment_on_device(inputs: FitInputs) -> FitInputs:
    """Replace a training by one of a model that augments its images itself.

    Args:
        inputs: The user's model and iterators.

    Returns:
        The training to do instead. The model shares layers, optimizer and metrics with the
        user's.
    """
    iterator, model = inputs.source, inputs.model
    generator = iterator.image_data_generator
    shape = iterator.image_shape
    arguments = [
        keras.Input(shape, name="pixels"),
        keras.Input((shape[0], 6), name="down"),
        keras.Input((shape[1], 4), name="across"),
        keras.Input((1,), name="added"),
        keras.Input((1,), name="scale"),
    ]
    *transforms, scale = arguments
    images = AugmentationLayer(generator.fill_mode, generator.cval)(transforms)
    scaled = keras.layers.Multiply(dtype="float32")([images, scale[:, :, None, None]])
    augmenting = keras.Model(arguments, model(scaled), name=model.name)
    compile_like(augmenting, model)
    validation = inputs.validation
    if isinstance(validation, Iterator):
        validation = _FinishedBatches(validation)
    elif validation is not None:
        x, *others = validation
        validation = (_with_unchanged(x), *others)
    return FitInputs(augmenting, BatchesToAugment(iterator), validation, inputs.temporary)


class BatchesToAugment(DerivedBatches):
    """Yields an iterator's images as they are, with the transforms to be made."""

    def __init__(self, iterator: Iterator) -> None:
        super().__init__(iterator)
        self.threads = iterator.threads

    def compute_batch(self, spec: Any) -> tuple[Any, ...]:
        """Return the pixels, the transforms and the labels of a batch."""
        generator = self.iterator.image_data_generator
        assert generator is not None
        pixels = self.iterator.compute_pixels(spec.indices)
        constant = generator.fill_mode == "constant"
        arrays = transform_inputs(spec.transforms, pixels.shape[1:], constant)
        scale = np.full((len(pixels), 1), generator.rescale or 1, np.float32)
        y, weight = self.iterator.targets(spec.indices)
        x = (pixels, *arrays, scale)
        return (x, y) if weight is None else (x, y, weight)


class _FinishedBatches(DerivedBatches):
    """Yields an iterator's batches, with transforms that change nothing."""

    def __init__(self, iterator: Iterator) -> None:
        super().__init__(iterator)
        self.main_thread_only = iterator.main_thread_only
        self.threads = iterator.threads

    def compute_batch(self, spec: Any) -> tuple[Any, ...]:
        """Return the images and the labels of a batch."""
        x, *others = self.iterator.compute_batch(spec, workers=1)
        return (_with_unchanged(x), *others)


def _with_unchanged(images: Any) -> tuple[Any, ...]:
    return images, *unchanged(len(images), images.shape[1:]), np.ones((len(images), 1), np.float32)


def _why_not(inputs: FitInputs) -> str | None:
    """Return what only the CPU can do; None for nothing."""
    iterator: BatchSource = inputs.source
    if not isinstance(iterator, Iterator) or iterator.class_mode in ("input", None):
        return "frozen layers' cached output, augmented batches, or images without labels"
    if isinstance(iterator, NumpyArrayIterator) and iterator.x_misc:
        return "further arrays beside the images"
    if functional_graph(inputs.model) is None or len(inputs.model.inputs) != 1:
        return "a subclassed model, or one of several inputs"
    if getattr(inputs.validation, "main_thread_only", False):
        return "validation data that only the main thread can make"
    generator = iterator.image_data_generator
    if generator is None or not generator.augments:
        return "images that are not augmented"
    if overridden(
        generator, "get_random_transform", "apply_transform", "random_transform", "standardize"
    ) or not isinstance(generator, ImageDataGenerator):
        return "a generator of your own class"
    only_on_cpu = {
        "brightness_range": generator.brightness_range is not None,
        "preprocessing_function": generator.preprocessing_function is not None,
        f"fill_mode={generator.fill_mode!r}": generator.fill_mode not in FILL_MODES,
        "interpolation_order": generator.interpolation_order != 1,
        "channels_first": iterator.data_format != "channels_last",
        "dtype": np.dtype(iterator.dtype) != np.float32,
        "save_to_dir": iterator.save_to_dir is not None,
        **{
            name: bool(getattr(generator, name))
            for name in (
                "featurewise_center",
                "featurewise_std_normalization",
                "samplewise_center",
                "samplewise_std_normalization",
                "zca_whitening",
            )
        },
    }
    return next((name for name, used in only_on_cpu.items() if used), None)
