"""Checks that images reach a model's first weights scaled once, and are not blank.

What counts is the values themselves. A model may scale by `InputScaling`, `Rescaling`, a
`Lambda`, `x / 255` or `preprocess_input` called on its input: so the part of the model before
its first convolution or dense layer is run on a few images.
"""

from __future__ import annotations

import copy
import math
import warnings
from typing import Any

import keras
import numpy as np

from ...images.auditing.peculiarities import lost_in_color
from ...images.decoding.validation import EXAMPLES, list_bad_files
from ...images.decoding.value_range import ADVICE
from ...images.iterators.base import Iterator
from ...images.transforms.augmenter import Augmenter
from ...models.graph.nodes import flat_graph, nodes_between
from ...models.graph.subgraph import Subgraph
from ...models.input_scaling import scales_input

_SAMPLES = 8


def check_pixels(model: keras.Model, iterator: Iterator, name: str) -> None:
    """Check that pixels are scaled once, by the model or before it, and that images differ.

    Args:
        model: The model.
        iterator: The iterator over images.
        name: What to call the iterator in messages, such as "The flow".

    Raises:
        ValueError: When the iterator's settings scale what the model scales again.

    Example:
        >>> from pykeras_tl.images import ImageDataGenerator
        >>> model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3)])
        >>> pixels = np.random.default_rng(0).uniform(0, 255, (4, 8, 8, 3))
        >>> flow = ImageDataGenerator(rescale=1 / 255).flow(pixels)
        >>> check_pixels(model, flow, "The flow")  # No warning: the values are in 0 to 1.
    """
    settings = iterator.image_data_generator
    if settings is None:
        return
    if converted := _lossy_files(iterator):
        _warn(
            f"{name} reads images of which too little is left as 8-bit colors: "
            f"{list_bad_files(converted, EXAMPLES)}. Make the flow with {ADVICE}; give images that "
            "are drawn in the alpha channel a background."
        )
        return
    if scales_input(model):
        _refuse_double_scaling(settings, tuple(iterator.image_shape), name)
    images = _unaugmented_images(iterator)
    chosen = getattr(iterator, "dtype_range", None)
    if _are_blank(images) and chosen is not None:
        _warn(
            f"{name} yields blank images: each of the {len(images)} looked at has one value only. "
            f"Choose a dtype_range that fits the values in the files. Received: {chosen!r}"
        )
        return
    if _are_blank(images):
        _warn(
            f"{name} yields blank images: each of the {len(images)} looked at has one value only. "
            "16-bit and floating-point files, and images drawn in the alpha channel, look so "
            "after conversion to 8-bit color; `audit` names such files. Make the flow with "
            f"{ADVICE}."
        )
        return
    if iterator.varies_between_epochs and _are_blank(_augmented_images(iterator)):
        _warn(
            f"{name} yields blank images: augmentation turns each of those looked at into one "
            "value. `brightness_range` and `channel_shift_range` expect pixels from 0 to 255."
        )
        return
    _check_range(model, images, settings, name)


def _check_range(model: keras.Model, images: np.ndarray, settings: Augmenter, name: str) -> None:
    low, high = float(images.min()), float(images.max())
    received = f"{name} yields pixels from {low:.3g} to {high:.3g}"
    first = _before_first_weights(model)
    transforms = _transforms(first, images) if first is not None else None
    if transforms and low >= -2 and 0 < high <= 2:
        _warn(
            f"{received} to a model that scales its input and expects 0 to 255: the input looks "
            "scaled twice. Pass the images without rescaling them."
        )
    elif not transforms and 0 < high <= 2 / 255 and low >= -2 / 255:
        _warn(
            f"{received}: the input looks scaled twice. Leave out `rescale` where the images are "
            "scaled already."
        )
    elif transforms is False and low >= 0 and high > 300:
        _warn(
            f"{received} to a model that does not scale them; it will hardly learn. Check "
            "`rescale` and `preprocessing_function`; read 16-bit images with "
            f"{ADVICE}."
        )
    elif transforms is False and low >= 0 and high > 2 and _only_rescales(settings):
        _warn(
            f"{received} with rescale={settings.rescale:.6g}: it will hardly learn. Make the flow "
            f"with {ADVICE}, or 16-bit images with rescale=1/65535."
        )
    elif transforms is False and high > 2 and not _scales(settings):
        _warn(
            f"{received} to a model that does not scale them; it will hardly learn. Make the "
            "ImageDataGenerator with rescale=1/255."
        )


def _before_first_weights(model: keras.Model) -> Subgraph | None:
    """Return the part of a model before its first kernel; None where it is not known.

    Nor is it where batch normalization comes first, which scales any input while it trains.
    """
    graph = flat_graph(model)
    if graph is None or len(graph.inputs) != 1:
        return None
    reached = set(graph.inputs)
    for node in graph.nodes:
        if not all(tensor in reached for tensor in node.inputs):
            continue
        if any(len(weight.shape) > 1 for weight in node.weights):
            source = node.inputs[0]
            nodes = nodes_between(graph.nodes, graph.inputs, [source])
            return Subgraph(nodes, graph.inputs, source)
        if isinstance(node.operation, keras.layers.BatchNormalization):
            return None
        reached.update(node.outputs)
    return None


def _transforms(first: Subgraph, images: np.ndarray) -> bool:
    """Whether the model changes its input's values before its first weights."""
    probes = np.stack([np.zeros_like(images[0]), np.full_like(images[0], 255)])
    values = np.asarray(keras.ops.convert_to_numpy(first(probes, training=False)))
    return not np.allclose([values[0].min(), values[1].max()], [0, 255], atol=1)


def _refuse_double_scaling(settings: Augmenter, shape: tuple[int, ...], name: str) -> None:
    setting = "standardization" if _standardizes(settings) else ""
    if _changes_scale(settings.preprocessing_function, shape):
        setting = "preprocessing_function"
    if _rescales(settings):
        setting = "rescale"
    if setting:
        raise ValueError(
            f"The images would be scaled twice: the model carries its preprocessing, and "
            f"{name[0].lower() + name[1:]}'s ImageDataGenerator has {setting}. Leave one out."
        )


def _scales(settings: Augmenter) -> bool:
    return bool(_rescales(settings) or _standardizes(settings) or settings.preprocessing_function)


def _rescales(settings: Augmenter) -> bool:
    return settings.rescale not in (None, 0, 1)


def _only_rescales(settings: Augmenter) -> bool:
    return _rescales(settings) and not (_standardizes(settings) or settings.preprocessing_function)


def _standardizes(settings: Augmenter) -> bool:
    return bool(
        settings.featurewise_center
        or settings.samplewise_center
        or settings.featurewise_std_normalization
        or settings.samplewise_std_normalization
        or settings.zca_whitening
    )


def _changes_scale(function: Any, shape: tuple[int, ...]) -> bool:
    """Distinguish scaling from augmentation, which leaves pixels between 0 and 255."""
    if function is None:
        return False
    probe = np.linspace(0, 255, math.prod(shape), dtype="float32").reshape(shape)
    result = np.asarray(function(probe.copy()))
    return bool(result.min() < -1 or result.max() <= 2)


def _are_blank(images: np.ndarray) -> bool:
    """Whether there are two images or more, each of one value."""
    flat = images.reshape(len(images), -1)
    return len(images) > 1 and flat.shape[1] > 1 and bool((flat == flat[:, :1]).all())


def _lossy_files(iterator: Iterator) -> dict[str, str]:
    """Say of which of the images looked at too little is left in color."""
    paths = getattr(iterator, "filepaths", None)
    if not paths or getattr(iterator, "color_mode", None) != "rgb":
        return {}
    scaled = getattr(iterator, "dtype_range", None) is not None
    found = {paths[row]: lost_in_color(paths[row], False, scaled)[0] for row in _rows(iterator)}
    return {path: lost for path, lost in found.items() if lost}


def _rows(iterator: Iterator) -> np.ndarray:
    """Choose a few images from all over the data."""
    return np.linspace(0, iterator.n - 1, min(_SAMPLES, iterator.n)).astype(int)


def _unaugmented_images(iterator: Iterator) -> np.ndarray:
    """Compute a few images, without augmentation."""
    ordered = iterator.in_file_order()
    ordered.index_array = _rows(iterator)
    ordered.batch_size = len(ordered.index_array)
    return _images_of(ordered[0])


def _augmented_images(iterator: Iterator) -> np.ndarray:
    """Compute the next batch, and leave the iterator where it was."""
    state = iterator.get_state()
    twin = copy.copy(iterator)
    twin.save_to_dir = None
    spec = twin.next_batch_spec()
    iterator.set_state(state)
    return _images_of(twin.compute_batch(spec))


def _images_of(batch: Any) -> np.ndarray:
    images = batch[0] if isinstance(batch, tuple) else batch
    return np.asarray(images[0] if isinstance(images, list) else images)


def _warn(message: str) -> None:
    warnings.warn(message, stacklevel=5)
