"""Figures of a model's layers: feature maps, filters and sparsity."""

from __future__ import annotations

import math

import keras
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from ...models.layer_tree import LayerTree
from ...visualization.style import COLORS, finalize, new_figure, shorten, style_axes
from ..activations import layer_activations

_MAX_NAMED = 40


def plot_feature_maps(
    model: keras.Model,
    image: np.ndarray,
    layer: str | int | keras.Layer,
    count: int = 64,
    title: str | None = None,
) -> Figure:
    """Plot the feature maps of one image: one map per channel of a layer, on one sheet.

    Args:
        model: A functional or sequential model, which may contain other models.
        image: Input of the model, shape (height, width, channels), scaled as in training.
        layer: Its name, its index, its path into a nested model, or itself.
        count: The largest number of channels; the first ones are shown.
        title: Title of the figure; by default the layer's name.

    Returns:
        The figure. Each map is scaled from its own smallest to its largest value; a constant
        one stays dark.

    Raises:
        ValueError: If there is no such layer, or its output has no feature maps.

    Example:
        >>> model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(5, 3)])
        >>> len(plot_feature_maps(model, np.zeros((8, 8, 3)), -1).axes)
        5
    """
    maps = layer_activations(model, image[None], layer)[0]
    if maps.ndim != 3:
        raise ValueError(
            "Expected a layer with an output of shape (height, width, channels). Received: "
            f"{_name(layer)!r} with shape {maps.shape}. Choose a layer before the flattening."
        )
    if keras.config.image_data_format() == "channels_first":
        maps = np.moveaxis(maps, 0, -1)
    shown = np.moveaxis(maps, -1, 0)[:count]
    heading = title or f"{_name(layer)}: {len(shown)} of {maps.shape[-1]} feature maps"
    return _sheet([_rescaled(each) for each in shown], heading, "viridis")


def plot_filters(
    model: keras.Model, layer: str | int | keras.Layer, count: int = 64, title: str | None = None
) -> Figure:
    """Plot the filters of a convolution as images, on one sheet.

    Args:
        model: Any Keras model, which may contain other models.
        layer: A convolution: its name, its index, its path into a nested model, or itself.
        count: The largest number of filters; the first ones are shown.
        title: Title of the figure; by default the layer's name.

    Returns:
        The figure. Filters over three channels are shown in color; of others, the slice through
        the input channel with the largest weights, in gray, where middle gray is zero.

    Raises:
        ValueError: If there is no such layer, or it has no two-dimensional filters.

    Example:
        >>> model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(5, 3)])
        >>> len(plot_filters(model, 0).axes)
        5
    """
    tree = LayerTree(model)
    target = tree.leaves[tree.find(layer)[-1]].layer
    kernel = next((w for w in target.weights if "kernel" in w.name and len(w.shape) == 4), None)
    if kernel is None:
        raise ValueError(
            "Expected a convolution. Received: layer "
            f"{target.name!r} ({type(target).__name__}), which has no filters."
        )
    if tuple(kernel.shape[:2]) == (1, 1):
        raise ValueError(
            "Expected filters larger than one pixel. Received: layer "
            f"{target.name!r} with 1×1 filters, which show no pattern."
        )
    filters = np.moveaxis(keras.ops.convert_to_numpy(kernel), -1, 0)
    if isinstance(target, keras.layers.DepthwiseConv2D):
        # Each filter sees only one channel.
        filters = np.moveaxis(filters, -1, 0).reshape(-1, *filters.shape[1:3], 1)
    shown = [_filter_image(each) for each in filters[:count]]
    heading = title or f"{target.name}: {len(shown)} of {len(filters)} filters"
    return _sheet(shown, heading, "gray")


def plot_sparsity(table: pd.DataFrame, title: str | None = None) -> Figure:
    """Plot the sparsity of each layer, from input to output.

    Args:
        table: A table as returned by `sparsity_by_layer`, or some of its rows.
        title: Title of the figure, or None.

    Returns:
        The figure: one bar per layer for zero activations, and a line for dead channels.

    Raises:
        ValueError: If the table is empty.

    Example:
        >>> table = pd.DataFrame({"layer": ["a"], "sparsity": [0.5], "dead_channels": [0.1]})
        >>> [tick.get_text() for tick in plot_sparsity(table).axes[0].get_xticklabels()]
        ['a']
    """
    if table.empty:
        raise ValueError("Expected at least one layer. Received: an empty table.")
    depths = np.arange(1, len(table) + 1)
    figure = new_figure(min(14.0, 3.5 + 0.3 * len(table)), 4.2, title)
    axes = figure.add_subplot()
    axes.bar(depths, table["sparsity"], color=COLORS[5], label="zero activations")
    axes.plot(
        depths,
        table["dead_channels"],
        "o-",
        color=COLORS[1],
        ms=4,
        label="dead channels",
    )
    style_axes(axes)
    axes.set(xlim=(0, len(table) + 1), ylim=(0, 1))
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    if len(table) <= _MAX_NAMED:
        _name_layers(axes, depths, [str(name) for name in table["layer"]])
    else:
        axes.set_xlabel("layer, from input to output")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.legend(
        *axes.get_legend_handles_labels(),
        loc="outside lower center",
        ncols=2,
        frameon=False,
        fontsize=9,
    )
    return finalize(figure)


def _name_layers(axes: Axes, depths: np.ndarray, paths: list[str]) -> None:
    names = [shorten(path.rsplit("/", 1)[-1], 24) for path in paths]
    axes.set_xticks(depths, names, rotation=50)
    for label in axes.get_xticklabels():
        label.set(ha="right", rotation_mode="anchor")


def _name(layer: str | int | keras.Layer) -> str:
    if isinstance(layer, keras.Layer):
        return str(layer.name)
    return layer if isinstance(layer, str) else f"layer {layer}"


def _rescaled(values: np.ndarray) -> np.ndarray:
    low, high = float(values.min()), float(values.max())
    return (values - low) / (high - low) if high > low else np.zeros_like(values)


def _filter_image(kernel: np.ndarray) -> np.ndarray:
    if kernel.shape[-1] == 3:
        return _rescaled(kernel)
    strongest = np.abs(kernel).sum(axis=(0, 1)).argmax()
    flat = kernel[..., strongest]
    return 0.5 + 0.5 * flat / max(float(np.abs(flat).max()), 1e-12)


def _sheet(images: list[np.ndarray], title: str, colors: str) -> Figure:
    columns = min(8, len(images))
    rows = math.ceil(len(images) / columns)
    figure = new_figure(max(3.5, 1.1 * columns), 1.1 * rows + 0.5, title)
    figure.get_layout_engine().set(  # type: ignore[union-attr]
        w_pad=0.02,
        h_pad=0.02,
        wspace=0.02,
        hspace=0.02,  # type: ignore[call-arg]
    )
    for number, image in enumerate(images):
        axes = figure.add_subplot(rows, columns, number + 1)
        axes.imshow(image, cmap=colors, vmin=0, vmax=1)
        axes.set_axis_off()
    return finalize(figure)
