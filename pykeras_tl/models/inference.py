"""Running a model over images, and checking that what it returns are probabilities.

`Classifier.predict`, `predict_flow` and the support vector machines share these, so that one
sigmoid unit becomes two columns, and a diverged model is reported, in one place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..images.iterators.prefetch import Prefetcher
from .graph.inference_model import inference_model

if TYPE_CHECKING:
    import keras

    from ..images.iterators.base import Iterator

# Outputs may leave 0..1 by this much through rounding.
_TOLERANCE = 1e-5


# What test-time augmentation does to an image: whether to transpose it and to reverse its rows and
# its columns.
_VIEWS: dict[str, list[tuple[bool, bool, bool]]] = {
    "hflip": [(False, False, False), (False, False, True)],
    "flips": [(False, rows, columns) for rows in (False, True) for columns in (False, True)],
    "d4": [
        (transposed, rows, columns)
        for transposed in (False, True)
        for rows in (False, True)
        for columns in (False, True)
    ],
}


def as_probabilities(outputs: np.ndarray, classes: int | None = None) -> np.ndarray:
    """Convert a classifier's outputs to one probability per class.

    Args:
        outputs: Shape (images, units), or (images, 1) from one sigmoid unit, which gives the
            probability of the second of two classes.
        classes: The expected number of classes, or None to accept any.

    Returns:
        float32 array of shape (images, classes).

    Raises:
        ValueError: If the outputs are not finite, lie outside 0..1, or do not match `classes`.

    Example:
        >>> as_probabilities(np.array([[0.25]]))
        array([[0.75, 0.25]], dtype=float32)
    """
    values = np.asarray(outputs, dtype="float32")
    if values.ndim != 2:
        raise ValueError(
            "Expected a classifier's output, of shape (images, classes). Received: shape "
            f"{values.shape}."
        )
    if values.shape[1] == 1:
        values = np.concatenate([1 - values, values], axis=1)
    if classes is not None and values.shape[1] != classes:
        raise ValueError(
            f"Expected one output for each of {classes} classes. Received: a model with "
            f"{values.shape[1]} outputs. Pass the classes that the model was trained on "
            "(argument `classes` of the flow)."
        )
    broken = ~np.isfinite(values).all(axis=1)
    if broken.any():
        raise ValueError(
            f"The model's output is not finite for {broken.sum()} of {len(values)} images: its "
            "training has diverged. Train again with a lower learning rate."
        )
    if len(values) and (values.min() < -_TOLERANCE or values.max() > 1 + _TOLERANCE):
        raise ValueError(
            f"Expected probabilities, from 0 to 1. Received: outputs from {values.min():.3g} to "
            f"{values.max():.3g}. End the model with a softmax or sigmoid activation."
        )
    return values.clip(0, 1)


def predict_batch(
    model: keras.Model,
    images: np.ndarray,
    test_time_augmentation: str | None = None,
    data_format: str = "channels_last",
) -> np.ndarray:
    """Run a model on a batch, or on several views of its images, whose outputs are averaged.

    Args:
        model: Any Keras model with one input and one output.
        images: Shape (images, height, width, channels), or channels first.
        test_time_augmentation: None, `"hflip"` (the image and its mirror image), `"flips"` (also
            upside down, and both) or `"d4"` (all eight flips and quarter turns, for square
            images).
        data_format: `"channels_last"` or `"channels_first"`.

    Returns:
        The outputs, shape (images, ...).

    Raises:
        ValueError: When the name is unknown, or images for `"d4"` are not square.

    Example:
        >>> import keras
        >>> model = keras.Sequential([keras.Input((1, 2, 1)), keras.layers.Flatten()])
        >>> images = np.array([[[[0.0], [1.0]]]])
        >>> predict_batch(model, images).tolist(), predict_batch(model, images, "hflip").tolist()
        ([[0.0, 1.0]], [[0.5, 0.5]])

    Source:
        Krizhevsky et al., ImageNet Classification with Deep Convolutional Neural Networks, 2012,
        section 4.1; the names are those of ttach.
    """
    model = inference_model(model)
    if test_time_augmentation is None:
        return np.asarray(model.predict_on_batch(images))
    if test_time_augmentation not in _VIEWS:
        raise ValueError(
            f"Expected test_time_augmentation to be None, {', '.join(map(repr, _VIEWS))}. "
            f"Received: {test_time_augmentation!r}."
        )
    rows, columns = (1, 2) if data_format == "channels_last" else (2, 3)
    if test_time_augmentation == "d4" and images.shape[rows] != images.shape[columns]:
        raise ValueError(
            "Expected square images with test_time_augmentation='d4', which turns them. "
            f"Received: {images.shape[rows]} x {images.shape[columns]} pixels. Use 'flips'."
        )
    outputs = []
    for transposed, upside_down, mirrored in _VIEWS[test_time_augmentation]:
        view = images.swapaxes(rows, columns) if transposed else images
        if upside_down:
            view = np.flip(view, rows)
        if mirrored:
            view = np.flip(view, columns)
        outputs.append(np.asarray(model.predict_on_batch(np.ascontiguousarray(view))))
    mean: np.ndarray = np.mean(outputs, axis=0)
    return mean


def run_flow(
    model: keras.Model, flow: Iterator, test_time_augmentation: str | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Run a model once over all batches of a flow, reading images ahead.

    Args:
        model: Any Keras model.
        flow: The images; use `flow.in_file_order()` for no shuffling and no augmentation.
        test_time_augmentation: As in `predict_batch`.

    Returns:
        The sample indices, shape (images,), and the model's outputs, shape (images, ...), in
        the same order.

    Raises:
        ValueError: When there are no images.

    Example:
        >>> import keras
        >>> from pykeras_tl.images import ImageDataGenerator
        >>> model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten()])
        >>> flow = ImageDataGenerator().flow(np.ones((3, 8, 8, 3)), shuffle=False)
        >>> indices, outputs = run_flow(model, flow)
        >>> indices.tolist(), outputs.shape
        ([0, 1, 2], (3, 192))
    """
    if flow.n == 0:
        raise ValueError("Expected an iterator over images. Received: one without images.")
    model = inference_model(model)
    specs = (flow.next_batch_spec() for _ in range(len(flow)))
    indices, outputs = [], []
    with Prefetcher(
        specs.__next__,
        lambda spec: (spec.indices, flow.compute_batch(spec)),
        workers=0 if flow.main_thread_only else None,
    ) as batches:
        for numbers, batch in batches:
            indices.append(numbers)
            images = batch[0] if isinstance(batch, tuple) else batch
            if test_time_augmentation is None:
                outputs.append(model.predict_on_batch(images))
            else:
                outputs.append(
                    predict_batch(model, images, test_time_augmentation, flow.data_format)
                )
    return np.concatenate(indices), np.concatenate(outputs)
