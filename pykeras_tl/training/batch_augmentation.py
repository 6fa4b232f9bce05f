"""Augments training batches with Keras's layers: MixUp, CutMix, RandAugment and others."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import keras
import numpy as np

from ..images.iterators.base import Iterator
from ..images.iterators.state import IteratorState
from .data_adapter import DerivedBatches

BatchAugmentation: TypeAlias = str | Sequence[str | keras.Layer] | Mapping[str, Mapping[str, Any]]

_LAYERS = {
    "mixup": keras.layers.MixUp,
    "cutmix": keras.layers.CutMix,
    "randaugment": keras.layers.RandAugment,
    "random_erasing": keras.layers.RandomErasing,
}
_MIXING = (keras.layers.MixUp, keras.layers.CutMix)
# The attributes of Keras's RandAugment that hold its operations.
_OPERATIONS = (
    "random_shear",
    "random_translation",
    "random_rotation",
    "random_brightness",
    "random_color_degeneration",
    "random_contrast",
    "random_sharpness",
    "solarization",
    "random_posterization",
    "auto_contrast",
    "equalization",
)
# Several threads augment batches with the same layers.
_building = threading.Lock()


class BatchAugmenter:
    """Augments batches of images and labels; what it does to one depends on its seed alone.

    Args:
        layers: Keras layers that augment images, or their names, or names to arguments:
            `"mixup"`, `["mixup", "cutmix"]`,
            `{"mixup": {"alpha": 0.2}, "randaugment": {"factor": 0.3}}`.
            The names are `"mixup"`, `"cutmix"`, `"randaugment"` and `"random_erasing"`. Layers are
            applied in order, and those that mix images last. Where several mix, one of them is
            drawn for each batch. RandAugment draws its operations for each image. Seeds of the
            layers themselves have no effect.
        value_range: The smallest and the largest pixel, for layers that are given by name.

    Raises:
        ValueError: When a name is unknown, or a layer does not augment images.

    Example:
        >>> augmenter = BatchAugmenter(["mixup"])
        >>> images, labels = np.zeros((4, 8, 8, 3), "float32"), np.eye(2)[[0, 1, 0, 1]]
        >>> mixed_images, mixed_labels = augmenter(images, labels, seed=1)
        >>> mixed_images.shape, mixed_labels.sum(1).tolist()
        ((4, 8, 8, 3), [1.0, 1.0, 1.0, 1.0])

    Source:
        `keras.layers.MixUp` (Zhang et al., mixup, 2018), `CutMix` (Yun et al., 2019),
        `RandAugment` (Cubuk et al., 2020) and `RandomErasing` (Zhong et al., 2020). Drawing one
        of several that mix is what timm does.
    """

    def __init__(
        self, layers: BatchAugmentation, value_range: tuple[float, float] = (0, 255)
    ) -> None:
        if isinstance(layers, str):
            layers = [layers]
        options = layers if isinstance(layers, Mapping) else {}
        made = [_layer(each, options.get(each, {}), value_range) for each in layers]
        self._layers = [layer for layer in made if not isinstance(layer, _MIXING)]
        self._mixing = [layer for layer in made if isinstance(layer, _MIXING)]

    @property
    def mixes(self) -> bool:
        """Whether it mixes images and labels."""
        return bool(self._mixing)

    def fingerprint(self) -> str:
        """Return the layers and their settings as text."""
        settings = []
        for layer in [*self._layers, *self._mixing]:
            config = {
                name: value
                for name, value in layer.get_config().items()
                if name not in ("name", "seed", "dtype")
            }
            settings.append([type(layer).__name__, config])
        return json.dumps(settings, sort_keys=True, default=str)

    def __call__(
        self, images: np.ndarray, labels: np.ndarray, seed: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Augment a batch.

        Args:
            images: Shape (batch, height, width, channels).
            labels: One-hot where images are mixed, shape (batch, classes).
            seed: 0 or above, below 2**31.

        Returns:
            Images and labels of the same shapes and types.
        """
        random = np.random.default_rng(seed)
        generator = keras.random.SeedGenerator(seed)
        x = np.asarray(images)
        for layer in self._layers:
            if isinstance(layer, keras.layers.RandAugment):
                x = _rand_augment(layer, x, random, generator)
            else:
                x = _transform(layer, x, generator)
        if self._mixing:
            layer = self._mixing[random.integers(len(self._mixing))]
            mix = _mixup if isinstance(layer, keras.layers.MixUp) else _cutmix
            x, mixed_labels = mix(layer, x, np.asarray(labels, "float32"), random)
            labels = mixed_labels.astype(labels.dtype)
        return x.astype(images.dtype, copy=False), labels


def make_batch_augmenter(layers: BatchAugmentation, flow: Iterator) -> BatchAugmenter:
    """Make a batch augmenter that suits an iterator.

    Args:
        layers: As for `BatchAugmenter`.
        flow: The iterator; layers that are given by name take the range of its pixels from its
            `rescale`.

    Returns:
        The augmenter.

    Raises:
        ValueError: As for `BatchAugmenter`, and when it mixes images but the labels are not
            one-hot, or samples have weights.
    """
    generator = flow.image_data_generator
    scale = (generator.rescale if generator is not None else None) or 1.0
    augmenter = BatchAugmenter(layers, (0.0, 255.0 * scale))
    if flow.data_format != keras.config.image_data_format():
        raise ValueError(
            "Expected a flow with the data format of Keras's layers, "
            f"{keras.config.image_data_format()!r}. Received: {flow.data_format!r}."
        )
    if augmenter.mixes:
        if not has_one_hot_labels(flow):
            raise ValueError(
                "Expected one-hot labels, since MixUp and CutMix mix them. Received: "
                f'class_mode={flow.class_mode!r}. Make the flow with class_mode="categorical".'
            )
        if flow.sample_weight is not None:
            raise ValueError(
                "Expected samples without weights, since MixUp and CutMix mix them. Received: a "
                "flow with sample weights. Leave them out, or MixUp and CutMix."
            )
    return augmenter


def has_one_hot_labels(flow: Iterator) -> bool:
    """Return whether an iterator yields a number for each class of an image.

    Args:
        flow: The iterator.
    """
    if flow.class_mode == "array":
        return np.ndim(flow.labels) == 2
    return flow.class_mode == "categorical"


@dataclass(frozen=True)
class _SeededSpec:
    spec: Any
    seed: int


class _Augmenter(Protocol):
    def __call__(
        self, images: np.ndarray, labels: np.ndarray, seed: int
    ) -> tuple[np.ndarray, np.ndarray]: ...


class AugmentedBatches(DerivedBatches):
    """Yields an iterator's batches, augmented, in the iterator's place.

    What is drawn for a batch depends on the iterator's seed and on how many batches it has
    yielded before, so that neither the number of threads nor an interruption changes it.

    Args:
        iterator: The iterator over images.
        augmenter: What to do to its batches.
    """

    def __init__(self, iterator: Iterator, augmenter: _Augmenter) -> None:
        super().__init__(iterator)
        self.main_thread_only = iterator.main_thread_only
        self.threads = iterator.threads
        self._augmenter = augmenter

    def next_batch_spec(self) -> _SeededSpec:
        """Make the random decisions of the next batch."""
        seed = _batch_seed(self.iterator.seed, self.iterator.get_state())
        return _SeededSpec(self.iterator.next_batch_spec(), seed)

    def compute_batch(self, spec: _SeededSpec) -> tuple[Any, ...]:
        """Return the augmented images and the labels of a batch."""
        images, labels, *weights = self.iterator.compute_batch(spec.spec, workers=1)
        return (*self._augmenter(images, labels, spec.seed), *weights)


def _layer(layer: Any, options: Mapping[str, Any], value_range: tuple[float, float]) -> Any:
    if isinstance(layer, str):
        kind = _LAYERS.get(layer.lower())
        if kind is None:
            raise ValueError(
                f"Unknown augmentation {layer!r}. Known ones: {', '.join(map(repr, _LAYERS))}."
            )
        ranged = kind in (keras.layers.RandAugment, keras.layers.RandomErasing)
        return kind(**({"value_range": value_range} if ranged else {}) | dict(options))
    if not hasattr(layer, "get_random_transformation"):
        raise ValueError(
            "Expected names or Keras layers that augment images, such as keras.layers.MixUp(). "
            f"Received: {layer!r}."
        )
    return layer


def _batch_seed(seed: int | None, state: IteratorState) -> int:
    digest = hashlib.blake2b(f"{seed} {state.total_batches_seen}".encode(), digest_size=4)
    if state.random is not None:
        digest.update(state.random[1].tobytes() + str(state.random[2]).encode())
    return int.from_bytes(digest.digest(), "big") >> 1


def _mixup(
    layer: Any, images: np.ndarray, labels: np.ndarray, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Compute what Keras's MixUp does.

    In NumPy, it takes a fraction of the time, is the same on every backend, and leaves torch's
    global random numbers alone, which Keras's beta distribution draws from.
    """
    order = random.permutation(len(images))
    kept = random.beta(layer.alpha, layer.alpha, len(images)).astype("float32")
    images = _blend(images.astype("float32", copy=False), order, kept)
    return images, _blend(labels, order, kept)


def _blend(values: np.ndarray, order: np.ndarray, kept: np.ndarray) -> np.ndarray:
    share = kept.reshape(-1, *[1] * (values.ndim - 1))
    blended: np.ndarray = share * values + (1 - share) * values[order]
    return blended


def _cutmix(
    layer: Any, images: np.ndarray, labels: np.ndarray, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Compute what Keras's CutMix does; labels count the pixels that are pasted."""
    rows, columns = (1, 2) if layer.data_format == "channels_last" else (2, 3)
    height, width = images.shape[rows], images.shape[columns]
    order = random.permutation(len(images))
    alpha = random.uniform(*layer.factor) + 1e-6
    side = np.sqrt(1 - random.beta(alpha, alpha, len(images)))
    top, left = ((1 - side) * random.uniform(size=len(images)) for _ in range(2))
    mixed, kept = np.array(images), np.ones(len(images), "float32")
    for number, other in enumerate(order):
        box = tuple(
            slice(round(start * size), round((start + length) * size))
            for start, length, size in (
                (top[number], side[number], height),
                (left[number], side[number], width),
            )
        )
        where = (*box, slice(None)) if layer.data_format == "channels_last" else (slice(None), *box)
        mixed[number][where] = images[other][where]
        area = (box[0].stop - box[0].start) * (box[1].stop - box[1].start)
        kept[number] = 1 - area / (height * width)
    return mixed, _blend(labels, order, kept)


def _rand_augment(
    layer: Any,
    images: np.ndarray,
    random: np.random.Generator,
    generator: keras.random.SeedGenerator,
) -> np.ndarray:
    """Apply operations that are drawn for each image.

    The layer itself draws them for the whole batch, and computes all of them to use a few.
    """
    images = np.array(images)
    for _ in range(layer.num_ops):
        drawn = random.integers(len(_OPERATIONS), size=len(images))
        for number in np.unique(drawn):
            chosen = drawn == number
            operation = getattr(layer, _OPERATIONS[number])
            images[chosen] = _transform(operation, images[chosen], generator)
    return images


def _transform(layer: Any, images: np.ndarray, generator: keras.random.SeedGenerator) -> np.ndarray:
    x = keras.ops.convert_to_tensor(images, "float32")
    with _building:
        if not layer.built:
            layer.build(x.shape)
    drawn = layer.get_random_transformation(x, training=True, seed=generator)
    return np.asarray(keras.ops.convert_to_numpy(layer.transform_images(x, drawn, training=True)))
