"""What a network's layers see: feature maps, filters, and how sparse each layer is."""

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

_MOST_NAMED = 40


def plot_feature_maps(
    model: keras.Model,
    image: np.ndarray,
    layer: str | int | keras.Layer,
    count: int = 64,
    title: str | None = None,
) -> Figure:
    """Draw what a layer makes of an image: one small map a channel, on one sheet.

    Args:
        model: Any Keras model, with other models inside or not.
        image: As the model takes it, shape (height, width, channels), scaled as in training.
        layer: Its name, its index, its path into a nested model, or itself.
        count: At most so many channels, the first ones.
        title: A heading; the layer's name when None.

    Returns:
        The figure. Each map is stretched between its own darkest and brightest value; a flat
        one stays dark.

    Raises:
        ValueError: When there is no such layer, or it puts out no maps.

    Example:
        >>> model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(5, 3)])
        >>> len(plot_feature_maps(model, np.zeros((8, 8, 3)), -1).axes)
        5
    """
    maps = layer_activations(model, image[None], layer)[0]
    if maps.ndim != 3:
        raise ValueError(
            f"Layer {_name(layer)!r} puts out shape {maps.shape}, not maps of (height, width, "
            "channels). Choose a layer before the flattening."
        )
    if keras.config.image_data_format() == "channels_first":
        maps = np.moveaxis(maps, 0, -1)
    shown = np.moveaxis(maps, -1, 0)[:count]
    heading = title or f"{_name(layer)}: {len(shown)} of {maps.shape[-1]} feature maps"
    return _sheet([_stretched(each) for each in shown], heading, "viridis")


def plot_filters(
    model: keras.Model, layer: str | int | keras.Layer, count: int = 64, title: str | None = None
) -> Figure:
    """Draw the filters of a convolution as images, on one sheet.

    Args:
        model: Any Keras model, with other models inside or not.
        layer: A convolution: its name, its index, its path into a nested model, or itself.
        count: At most so many filters, the first ones.
        title: A heading; the layer's name when None.

    Returns:
        The figure. Filters over three channels are shown in colour; of others, the slice
        through the input channel that weighs most, where middle gray is zero.

    Raises:
        ValueError: When there is no such layer, or it has no two-dimensional filters.

    Example:
        >>> model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(5, 3)])
        >>> len(plot_filters(model, 0).axes)
        5
    """
    tree = LayerTree(model)
    found = tree.leaves[tree.find(layer)[-1]].layer
    kernel = next((w for w in found.weights if "kernel" in w.name and len(w.shape) == 4), None)
    if kernel is None:
        raise ValueError(f"Layer {found.name!r} ({type(found).__name__}) has no filters to draw.")
    if tuple(kernel.shape[:2]) == (1, 1):
        raise ValueError(f"The filters of layer {found.name!r} are 1×1: they show no pattern.")
    filters = np.moveaxis(keras.ops.convert_to_numpy(kernel), -1, 0)
    if isinstance(found, keras.layers.DepthwiseConv2D):
        # Each of its filters looks at one channel only.
        filters = np.moveaxis(filters, -1, 0).reshape(-1, *filters.shape[1:3], 1)
    shown = [_filter_image(each) for each in filters[:count]]
    heading = title or f"{found.name}: {len(shown)} of {len(filters)} filters"
    return _sheet(shown, heading, "gray")


def plot_sparsity(table: pd.DataFrame, title: str | None = None) -> Figure:
    """Draw how sparse each layer is, from input to output.

    Args:
        table: As `sparsity_by_layer` gives it; leave out the rows that should not be drawn.
        title: A heading, or None.

    Returns:
        The figure: a bar a layer, and a line for the channels that are always silent.

    Raises:
        ValueError: When the table is empty.

    Example:
        >>> table = pd.DataFrame({"layer": ["a"], "sparsity": [0.5], "silent_channels": [0.1]})
        >>> [tick.get_text() for tick in plot_sparsity(table).axes[0].get_xticklabels()]
        ['a']
    """
    if table.empty:
        raise ValueError("The table names no layer to draw.")
    places = np.arange(1, len(table) + 1)
    figure = new_figure(min(14.0, 3.5 + 0.3 * len(table)), 4.2, title)
    axes = figure.add_subplot()
    axes.bar(places, table["sparsity"], color=COLORS[5], label="silent values")
    axes.plot(
        places,
        table["silent_channels"],
        "o-",
        color=COLORS[1],
        ms=4,
        label="channels always silent",
    )
    style_axes(axes)
    axes.set(xlim=(0, len(table) + 1), ylim=(0, 1))
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    if len(table) <= _MOST_NAMED:
        _name_layers(axes, places, [str(name) for name in table["layer"]])
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


def _name_layers(axes: Axes, places: np.ndarray, paths: list[str]) -> None:
    names = [shorten(path.rsplit("/", 1)[-1], 24) for path in paths]
    axes.set_xticks(places, names, rotation=50)
    for label in axes.get_xticklabels():
        label.set(ha="right", rotation_mode="anchor")


def _name(layer: str | int | keras.Layer) -> str:
    if isinstance(layer, keras.Layer):
        return str(layer.name)
    return layer if isinstance(layer, str) else f"layer {layer}"


def _stretched(values: np.ndarray) -> np.ndarray:
    low, high = float(values.min()), float(values.max())
    return (values - low) / (high - low) if high > low else np.zeros_like(values)


def _filter_image(kernel: np.ndarray) -> np.ndarray:
    if kernel.shape[-1] == 3:
        return _stretched(kernel)
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
    for place, image in enumerate(images):
        axes = figure.add_subplot(rows, columns, place + 1)
        axes.imshow(image, cmap=colors, vmin=0, vmax=1)
        axes.set_axis_off()
    return finalize(figure)
