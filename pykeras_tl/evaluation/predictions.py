"""What a network says of each image, as a table in the files' own order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..images.iterators.prefetch import Prefetcher
from .prediction_table import prediction_table

if TYPE_CHECKING:
    import keras

    from ..images.iterators.base import Iterator

_CLASS_MODES = ("categorical", "sparse", "binary", "array", None)


def predict_flow(model: keras.Model, flow: Iterator) -> pd.DataFrame:
    """Predict every image of a flow once, in the files' own order, without augmentation.

    Whether the flow shuffles or augments makes no difference, and the flow itself is left
    where it stands.

    Args:
        model: A network that gives probabilities: one unit a class (softmax), or a single
            sigmoid unit for two classes.
        flow: The images, with `class_mode` "categorical", "sparse", "binary" or None.

    Returns:
        One row per image: `filename`, `class` (the true class; no such column if the flow has
        no labels), `predicted` (the most probable class), and one column of probabilities per
        class.

    Raises:
        ValueError: When the class mode is another, when the network's outputs do not fit the
            classes, or are no probabilities.

    Example:
        >>> import keras, numpy as np
        >>> from pykeras_tl.images import ImageDataGenerator
        >>> model = keras.Sequential(
        ...     [keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(2, "softmax")]
        ... )
        >>> flow = ImageDataGenerator().flow(np.zeros((4, 8, 8, 3)), np.eye(2)[[0, 1, 1, 0]])
        >>> predict_flow(model, flow)["class"].tolist()
        ['0', '1', '1', '0']
    """
    if flow.class_mode not in _CLASS_MODES:
        raise ValueError(
            f"predict_flow needs a flow for classification (class_mode 'categorical', 'sparse', "
            f"'binary' or None), got class_mode={flow.class_mode!r}. Use model.predict(flow)."
        )
    ordered = flow.in_file_order()
    indices, outputs = run_flow(model, ordered)
    known = ordered.class_names
    probabilities = as_probabilities(outputs, len(known) if known else None)
    names = list(known) if known else [str(i) for i in range(probabilities.shape[1])]
    files = ordered.sample_names
    truth = true_classes(ordered, names)
    return prediction_table(
        [files[i] for i in indices],
        None if truth is None else [truth[i] for i in indices],
        probabilities,
        names,
    )


def as_probabilities(outputs: np.ndarray, classes: int | None = None) -> np.ndarray:
    """Check a network's outputs and give one probability a class.

    Args:
        outputs: Shape (images, units), or (images, 1) from one sigmoid unit, which gives
            the probability of the second of two classes.
        classes: How many classes there are, or None when only the outputs tell.

    Returns:
        float32 array of shape (images, classes).

    Raises:
        ValueError: When the outputs are not finite, outside 0..1, or do not fit `classes`.

    Example:
        >>> as_probabilities(np.array([[0.25]]))
        array([[0.75, 0.25]], dtype=float32)
    """
    values = np.asarray(outputs, dtype="float32")
    if values.ndim != 2:
        raise ValueError(
            f"A classifier gives one row of probabilities an image; this network's output has "
            f"shape {values.shape}."
        )
    if values.shape[1] == 1:
        values = np.concatenate([1 - values, values], axis=1)
    if classes is not None and values.shape[1] != classes:
        raise ValueError(
            f"The network has {values.shape[1]} outputs but the flow has {classes} classes. "
            "Give the flow the classes the network was trained on (argument `classes`)."
        )
    broken = ~np.isfinite(values).all(axis=1)
    if broken.any():
        raise ValueError(
            f"The network's output is not finite for {broken.sum()} of {len(values)} images: "
            "its training has diverged. Train again with a lower learning rate."
        )
    if len(values) and (values.min() < -1e-5 or values.max() > 1 + 1e-5):
        raise ValueError(
            f"The network's outputs lie in {values.min():.3g}..{values.max():.3g}, so they are no "
            "probabilities. End it with a softmax or sigmoid activation."
        )
    return values.clip(0, 1)


def run_flow(model: keras.Model, flow: Iterator) -> tuple[np.ndarray, np.ndarray]:
    """Run a network once over a flow, reading images ahead.

    Args:
        model: Any network.
        flow: The images, as `in_file_order` gives them.

    Returns:
        The samples' numbers, shape (images,), and the network's outputs, shape
        (images, ...), in the same order.

    Example:
        >>> import keras
        >>> from pykeras_tl.images import ImageDataGenerator
        >>> model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten()])
        >>> flow = ImageDataGenerator().flow(np.ones((3, 8, 8, 3)), shuffle=False)
        >>> run_flow(model, flow)[1].shape
        (3, 192)
    """
    if flow.n == 0:
        raise ValueError("Expected an iterator over images. Received: one without images.")
    plans = (flow.next_batch_spec() for _ in range(len(flow)))
    indices, outputs = [], []
    with Prefetcher(
        plans.__next__,
        lambda plan: (plan.indices, flow.compute_batch(plan)),
        workers=0 if flow.main_thread_only else None,
    ) as batches:
        for numbers, batch in batches:
            indices.append(numbers)
            outputs.append(model.predict_on_batch(batch[0] if isinstance(batch, tuple) else batch))
    return np.concatenate(indices), np.concatenate(outputs)


def true_classes(flow: Iterator, names: Sequence[str]) -> list[str] | None:
    """Return the true class of each of a flow's samples.

    Args:
        flow: A flow for classification.
        names: The classes, in the order of their numbers.

    Returns:
        A name a sample, in the samples' own order; None where the flow does not know it.

    Raises:
        ValueError: When the flow's labels are no classes.

    Example:
        >>> from pykeras_tl.images import ImageDataGenerator
        >>> flow = ImageDataGenerator().flow(np.ones((2, 8, 8, 3)), np.array([1, 0]))
        >>> true_classes(flow, ["cat", "dog"])
        ['dog', 'cat']
    """
    targets: Any = flow.targets(np.arange(flow.n))[0]
    if targets is None:
        # With class_mode=None the folders still tell the classes.
        targets = flow.labels
    if targets is None:
        return None
    values = np.asarray(targets)
    one_hot = values.ndim == 2 and values.shape[1] > 1
    numbers = values.argmax(axis=1) if one_hot else values.reshape(-1)
    if len(numbers) != flow.n or not np.isin(numbers, np.arange(len(names))).all():
        raise ValueError(
            f"The flow's labels, of shape {values.shape}, are no classes: expected one-hot rows or "
            f"whole numbers from 0 to {len(names) - 1}."
        )
    return [names[int(number)] for number in numbers]
