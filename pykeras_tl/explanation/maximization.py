"""Activation maximization: images that excite a filter or a class the most."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import cv2
import keras
import numpy as np

from ..evaluation.figures.galleries import image_sheet
from ..images.progress import progress_bar
from ..models.graph.nodes import GraphTensor, output_of
from ..models.layer_tree import LayerTree
from ..models.symbolic.autodiff import gradients_at
from .scores import ScoreGraph, score_graph

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_NOISE = 0.03


def maximize_activation(
    model: keras.Model,
    units: int | Sequence[int],
    layer: str | int | keras.Layer | None = None,
    *,
    size: tuple[int, int] | None = None,
    value_range: tuple[float, float] = (0.0, 255.0),
    steps: int = 128,
    step_size: float = 0.05,
    jitter: int = 8,
    decay: float = 0.01,
    blur: float = 1.2,
    seed: int = 0,
) -> np.ndarray:
    """Make images that excite filters or classes the most, by gradient ascent from noise.

    Without the regularizers, the images would be noise that excites the unit but shows nothing.

    Args:
        model: A functional or sequential classifier with one input, which may contain others.
        units: The index of a channel of the layer, or of a class; or several, for one image each.
        layer: The layer of the filters: its name, its index, its path into a nested model, or
            itself. `None` maximizes the scores of classes, before the softmax.
        size: Height and width of the images; by default those of the model's input.
        value_range: Smallest and largest value of the model's input: (0, 255) for raw pixels.
        steps: Number of steps.
        step_size: Length of a step, as a fraction of the range of values for a typical pixel.
        jitter: Before each step the image is moved by up to this many pixels.
        decay: Fraction by which each step draws the image to middle gray.
        blur: Standard deviation in pixels of the blur after the first step, which falls to half
            at the last. 0 does not blur.
        seed: The seed of the noise and the jitter.

    Returns:
        float32 array of shape (units, height, width, channels), in `value_range`.

    Raises:
        ValueError: If there is no such layer or unit, the model has several inputs or is a
            subclass of `keras.Model`, or `size` is needed or does not fit.

    Example:
        >>> keras.utils.set_random_seed(0)
        >>> model = keras.Sequential(
        ...     [keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3, name="conv"),
        ...      keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2, "softmax")])
        >>> maximize_activation(model, [0, 3], "conv", steps=2).shape
        (2, 8, 8, 3)

    Source:
        Erhan et al., Visualizing higher-layer features of a deep network, 2009. Decay and blur:
        Yosinski et al., 2015, https://arxiv.org/abs/1506.06579; jitter: Mordvintsev et al.,
        Inceptionism, 2015.
    """
    explained = score_graph(model)
    wanted = np.atleast_1d(np.asarray(units))
    output = explained.scores if layer is None else _output_of(explained, layer)
    channels = _check_units(wanted, output)
    part = explained.part(explained.graph.inputs, [output])
    low, high = value_range
    random = np.random.default_rng(seed)
    shape = (len(wanted), *_input_shape(explained, size))
    images = (0.5 + _NOISE * random.standard_normal(shape)).astype("float32")
    first = keras.config.image_data_format() == "channels_first"
    rows, columns = (2, 3) if first else (1, 2)
    chosen = np.eye(channels, dtype="float32")[wanted]

    def total(values: Any) -> Any:
        (found,) = part([low + (high - low) * values], training=False)
        if len(found.shape) == 4:
            found = keras.ops.mean(found, axis=(2, 3) if first else (1, 2))
        return keras.ops.sum(found * keras.ops.convert_to_tensor(chosen, found.dtype))

    with progress_bar("Maximizing", steps) as advance:
        for step in range(steps):
            shift = random.integers(-jitter, jitter + 1, 2)
            moved = np.roll(images, shift, (rows, columns))
            (gradient,) = gradients_at(total, [keras.ops.convert_to_tensor(moved)])
            slopes = np.roll(keras.ops.convert_to_numpy(gradient), -shift, (rows, columns))
            typical = np.sqrt((slopes**2).mean(axis=(1, 2, 3), keepdims=True))
            images = images + step_size * slopes / np.maximum(typical, 1e-12)
            images = 0.5 + (1 - decay) * (images - 0.5)
            images = _blurred(images, blur * (1 - 0.5 * step / steps), first).clip(0, 1)
            advance(1)
    return (low + (high - low) * images).astype("float32")


def plot_maximization(
    model: keras.Model,
    units: int | Sequence[int],
    layer: str | int | keras.Layer | None = None,
    names: Sequence[str] | None = None,
    title: str | None = None,
    **options: Any,
) -> Figure:
    """Plot images that excite filters or classes the most, on one sheet.

    Args:
        model: As in `maximize_activation`.
        units: The channels or classes.
        layer: The layer, or `None` for classes.
        names: The names of all classes; by default their numbers are shown.
        title: Title of the figure, or None.
        **options: Further arguments of `maximize_activation`.

    Returns:
        The figure.

    Raises:
        ValueError: As `maximize_activation`.

    Example:
        >>> model = keras.Sequential(
        ...     [keras.Input((8, 8, 3)), keras.layers.GlobalAveragePooling2D(),
        ...      keras.layers.Dense(2, "softmax")])
        >>> len(plot_maximization(model, [0, 1], names=["cat", "dog"], steps=1).axes)
        2
    """
    images = maximize_activation(model, units, layer, **options)
    if keras.config.image_data_format() == "channels_first":
        images = np.moveaxis(images, 1, -1)
    low, high = options.get("value_range", (0.0, 255.0))
    shown = ((images - low) / (high - low) * 255).round().astype("uint8")
    numbers = np.atleast_1d(np.asarray(units)).tolist()
    captions = [(names[number] if names else str(number),) for number in numbers]
    return image_sheet(list(shown), captions, title)


def _output_of(explained: ScoreGraph, layer: str | int | keras.Layer) -> GraphTensor:
    tree = LayerTree(explained.model)
    output = output_of(explained.graph, tree.leaves[tree.find(layer)[-1]].layer)
    if len(output.shape) not in (2, 4):
        raise ValueError(
            "Expected a layer with feature maps or a vector for each image. Received: "
            f"{layer!r} with shape {output.shape[1:]}."
        )
    return output


def _check_units(units: np.ndarray, output: GraphTensor) -> int:
    first = len(output.shape) == 4 and keras.config.image_data_format() == "channels_first"
    channels = int(output.shape[1 if first else -1] or 0)
    whole = np.issubdtype(units.dtype, np.integer)
    if not whole or units.ndim != 1 or ((units < 0) | (units >= channels)).any():
        raise ValueError(
            f"Expected units to be from 0 to {channels - 1}. Received: {units.tolist()}."
        )
    return channels


def _input_shape(explained: ScoreGraph, size: tuple[int, int] | None) -> tuple[int, ...]:
    inputs = explained.graph.inputs
    if len(inputs) != 1 or len(inputs[0].shape) != 4:
        shapes = [tensor.shape for tensor in inputs]
        raise ValueError(f"Expected a model with one input, of images. Received: {shapes}.")
    shape = list(inputs[0].shape[1:])
    first = keras.config.image_data_format() == "channels_first"
    places = (1, 2) if first else (0, 1)
    for place, side in zip(places, size or (None, None)):
        if side is not None and shape[place] not in (None, side):
            raise ValueError(f"Expected size to fit the input {tuple(shape)}. Received: {size}.")
        shape[place] = shape[place] if side is None else side
    if None in shape:
        raise ValueError(f"Expected size, as the model takes images of any size. Received: {size}.")
    return tuple(int(side or 0) for side in shape)


def _blurred(images: np.ndarray, sigma: float, channels_first: bool) -> np.ndarray:
    if sigma < 0.1:
        return images
    last = np.moveaxis(images, 1, -1) if channels_first else images
    blurred = [cv2.GaussianBlur(each, (0, 0), sigma).reshape(each.shape) for each in last]
    stacked = np.stack(blurred)
    return np.moveaxis(stacked, -1, 1) if channels_first else stacked
