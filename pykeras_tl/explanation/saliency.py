"""Saliency maps: which parts of an image speak for a class."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import cv2
import keras
import numpy as np

from ..images.progress import progress_bar
from ..models.symbolic.autodiff import gradients_at
from .masking import ClassProbability, occlusion_map, score_cam_map
from .scores import score_graph

METHODS = ("grad_cam", "grad_cam++", "score_cam", "occlusion")


def saliency_maps(
    model: keras.Model,
    images: np.ndarray | Sequence[np.ndarray],
    classes: int | Sequence[int] | np.ndarray | None = None,
    method: str = "grad_cam",
    layer: str | int | keras.Layer | None = None,
    batch_size: int = 32,
    patch: int | None = None,
) -> np.ndarray:
    """Map for each image which parts of it speak for a class.

    Grad-CAM and Grad-CAM++ need one pass forward and one back, and are as fine as the layer. They
    explain the logit of the class, not its probability. Score-CAM predicts each image once for
    each channel of the layer, and occlusion once for each position of a patch; they need no
    gradient, explain the probability, and take minutes for many images.

    Args:
        model: A functional or sequential classifier, which may contain other models and branches.
        images: Input of the model, shape (images, height, width, channels), scaled as in
            training. For a model with several inputs, one array for each; the first that holds
            images is explained.
        classes: The index of the class to explain, or one for each image. `None` is the
            predicted class.
        method: `"grad_cam"`, `"grad_cam++"`, `"score_cam"` or `"occlusion"`.
        layer: The layer whose feature maps are used: its name, its index, its path into a nested
            model, or itself. `None` is the last one with a spatial extent, without pooling; for
            the average of several models, that of each. Occlusion uses none.
        batch_size: Number of images predicted at a time.
        patch: Side of the square that `"occlusion"` moves over the image, in pixels; a seventh of
            the image's shorter side by default.

    Returns:
        float32 array of shape (images, height, width). The largest value of each map is 1, and 0
        is what speaks for the class in no way. A map is all 0 if nothing speaks for it.

    Raises:
        ValueError: If the method is unknown; if there is no such layer or class, or no layer with
            a spatial extent; if the model is a subclass of `keras.Model`; or, for Score-CAM and
            occlusion, if it does not return probabilities.

    Example:
        >>> keras.utils.set_random_seed(0)
        >>> model = keras.Sequential(
        ...     [keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3, activation="relu"),
        ...      keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2, "softmax")])
        >>> maps = saliency_maps(model, np.ones((1, 8, 8, 3)), classes=1)
        >>> maps.shape, str(maps.dtype)
        ((1, 8, 8), 'float32')

    Source:
        Grad-CAM: Selvaraju et al., 2017, https://arxiv.org/abs/1610.02391. Grad-CAM++:
        Chattopadhyay et al., 2018, https://arxiv.org/abs/1710.11063. Score-CAM: Wang et al., 2020,
        https://arxiv.org/abs/1910.01279. Occlusion: Zeiler and Fergus, 2014,
        https://arxiv.org/abs/1311.2901.
    """
    explainer = Explainer(model, method, layer, batch_size, patch)
    inputs = [np.asarray(each) for each in images] if _several(images) else [np.asarray(images)]
    count = len(inputs[0])
    wanted = _wanted_classes(classes, count, explainer.units)
    with progress_bar("Explaining", count) as advance:
        return explainer.maps(inputs, wanted, advance)


class Explainer:
    """Makes saliency maps of one model by one method.

    Args:
        model: As in `saliency_maps`, and so are the others.
        method: The method.
        layer: The layer.
        batch_size: Number of images predicted at a time.
        patch: Side of the patch of occlusion.

    Attributes:
        units: Number of units that the model returns.

    Raises:
        ValueError: As `saliency_maps`.
    """

    def __init__(
        self,
        model: keras.Model,
        method: str,
        layer: str | int | keras.Layer | None,
        batch_size: int,
        patch: int | None,
    ) -> None:
        if method not in METHODS:
            raise ValueError(
                f"Expected method to be one of {', '.join(map(repr, METHODS))}. "
                f"Received: {method!r}."
            )
        if batch_size < 1:
            raise ValueError(f"Expected batch_size of at least 1. Received: {batch_size}.")
        explained = score_graph(model)
        given = explained.graph.inputs
        tensors = [] if method == "occlusion" else explained.feature_maps(layer)
        self.units = int(explained.scores.shape[-1] or 0)
        self._model, self._method = model, method
        self._batch_size, self._patch = batch_size, patch
        self._inputs = len(given)
        self._forward = explained.part(given, [*tensors, explained.scores])
        self._head = explained.part([*given, *tensors], [explained.scores])

    def maps(
        self,
        inputs: Sequence[np.ndarray],
        classes: np.ndarray | None,
        advance: Callable[[int], None],
    ) -> np.ndarray:
        """Make the maps of some images.

        Args:
            inputs: An array for each of the model's inputs.
            classes: The index of the class of each image; `None` is the predicted one.
            advance: Called with the number of images that were just explained.

        Returns:
            The maps, as `saliency_maps` returns them.

        Raises:
            ValueError: If the arrays do not fit the model.
        """
        place = _place_of_images(inputs, self._inputs)
        parts = []
        for start in range(0, len(inputs[place]), self._batch_size):
            rows = slice(start, start + self._batch_size)
            batch = [each[rows] for each in inputs]
            wanted = None if classes is None else classes[rows]
            parts.append(self._maps_of_batch(batch, place, wanted, advance))
        size = _size(inputs[place])
        return _normalized(np.concatenate(parts) if parts else np.zeros((0, *size), "float32"))

    def _maps_of_batch(
        self,
        batch: list[np.ndarray],
        place: int,
        wanted: np.ndarray | None,
        advance: Callable[[int], None],
    ) -> np.ndarray:
        values = [keras.ops.convert_to_tensor(each, "float32") for each in batch]
        *features, scores = self._forward(values, training=False)
        classes = _chosen_classes(scores, wanted)
        if self._method in ("grad_cam", "grad_cam++"):
            gradients = _gradients(self._head, values, features, classes)
            maps = _weighted(features, gradients, self._method, _size(batch[place]))
            advance(len(maps))
            return maps
        activations = [_channels_last(each) for each in features]
        found = []
        for number, label in enumerate(classes):
            sample = [each[number : number + 1] for each in batch]
            predict = ClassProbability(self._model, sample, place, int(label), self._batch_size)
            if self._method == "score_cam":
                found.append(score_cam_map(predict, [each[number] for each in activations]))
            else:
                found.append(occlusion_map(predict, self._patch))
            advance(1)
        return np.stack(found)


def _size(images: np.ndarray) -> tuple[int, int]:
    first = keras.config.image_data_format() == "channels_first"
    height, width = images.shape[2:] if first else images.shape[1:3]
    return height, width


def _several(images: Any) -> bool:
    return isinstance(images, list | tuple) and len(images) > 0 and np.ndim(images[0]) != 3


def _place_of_images(inputs: Sequence[np.ndarray], expected: int) -> int:
    if len(inputs) != expected:
        raise ValueError(
            f"Expected one array for each of the model's {expected} inputs. Received: "
            f"{len(inputs)}."
        )
    for place, values in enumerate(inputs):
        if values.ndim == 4:
            return place
    shapes = ", ".join(str(values.shape) for values in inputs)
    raise ValueError(
        f"Expected images of shape (images, height, width, channels). Received: {shapes}. For one "
        "image, pass image[None]."
    )


def _wanted_classes(classes: Any, images: int, units: int) -> np.ndarray | None:
    if classes is None:
        return None
    wanted = np.asarray(classes)
    most = max(units, 2)
    if wanted.ndim == 0:
        wanted = np.full(images, wanted)
    whole = np.issubdtype(wanted.dtype, np.integer)
    if wanted.shape != (images,) or not whole or ((wanted < 0) | (wanted >= most)).any():
        raise ValueError(
            f"Expected classes to be an index from 0 to {most - 1}, or one for each of {images} "
            f"images. Received: {classes!r}."
        )
    return wanted


def _chosen_classes(scores: Any, wanted: np.ndarray | None) -> np.ndarray:
    if wanted is not None:
        return wanted
    values = keras.ops.convert_to_numpy(scores)
    return (values[:, 0] > 0).astype(int) if values.shape[1] == 1 else values.argmax(axis=1)


def _gradients(
    head: keras.Model, inputs: list[Any], features: list[Any], classes: np.ndarray
) -> list[Any]:
    """Return the gradients of the images' scores with respect to the feature maps."""

    def total(*maps: Any) -> Any:
        (scores,) = head([*inputs, *maps], training=False)
        units = scores.shape[-1]
        # One unit is the logit of the second class; that of the first is its negative.
        signs = np.eye(2)[classes] @ [[-1.0], [1.0]] if units == 1 else np.eye(units)[classes]
        return keras.ops.sum(scores * keras.ops.convert_to_tensor(signs, scores.dtype))

    return gradients_at(total, features)


def _weighted(
    features: list[Any], gradients: list[Any], method: str, size: tuple[int, int]
) -> np.ndarray:
    """Return the channels' sum, each weighted by its gradients; of several layers, their sum."""
    total: Any = 0
    for maps, slopes in zip(map(_channels_last, features), map(_channels_last, gradients)):
        if method == "grad_cam++":
            # The paper's closed form for exp(score). It assumes maps without negative values.
            positive = np.maximum(slopes, 0)
            mass = np.maximum(maps, 0).sum(axis=(1, 2), keepdims=True)
            slopes = positive / (2 + mass * positive)
        # The sum, not the mean, so that layers of different sizes add up; maps of one layer are
        # the same but for a factor.
        weights = slopes.sum(axis=(1, 2), keepdims=True)
        total = total + _resized((weights * maps).sum(axis=-1), size)
    return np.maximum(total, 0)


def _channels_last(tensor: Any) -> np.ndarray:
    values = np.asarray(keras.ops.convert_to_numpy(tensor), "float32")
    first = keras.config.image_data_format() == "channels_first"
    return np.moveaxis(values, 1, -1) if first else values


def _resized(maps: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    shape = size[::-1]
    return np.stack([cv2.resize(each, shape, interpolation=cv2.INTER_LINEAR) for each in maps])


def _normalized(maps: np.ndarray) -> np.ndarray:
    largest = maps.max(axis=(1, 2), keepdims=True, initial=0)
    return maps / np.where(largest > 0, largest, 1)
