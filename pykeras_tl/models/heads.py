"""The layers between a backbone and the probabilities, written as a list of steps.

A step is text, such as `"dense 256"`, so that a study can keep its heads in YAML files and in
tables of results.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import keras
from keras import layers

from .seeding import seeded_dropout

# Ranks of tensors: feature maps and vectors.
_MAPS, _VECTORS = 4, 2


@dataclass(frozen=True)
class _Step:
    """A kind of step: the layer it adds, the rank of input it needs, and its number's type."""

    make_layer: Callable[..., keras.Layer]
    rank: int | None
    number: type | None = None


def _dense(units: int, name: str) -> keras.Layer:
    return layers.Dense(units, activation="relu", name=name)


def _convolution(filters: int, name: str) -> keras.Layer:
    return layers.Conv2D(filters, 3, padding="same", activation="relu", name=name)


_STEPS = {
    "average pooling": _Step(layers.GlobalAveragePooling2D, _MAPS),
    "max pooling": _Step(layers.GlobalMaxPooling2D, _MAPS),
    "flatten": _Step(layers.Flatten, _MAPS),
    "convolution": _Step(_convolution, _MAPS, int),
    "batch normalization": _Step(layers.BatchNormalization, None),
    "dropout": _Step(seeded_dropout, None, float),
    "dense": _Step(_dense, _VECTORS, int),
}
_NUMBERS: dict[type | None, str] = {
    int: "an integer of at least 1",
    float: "a fraction from 0 to below 1",
    None: "no number",
}


@dataclass(frozen=True)
class Head:
    """The layers on top of a backbone, without the last one, which returns the probabilities.

    Attributes:
        steps: The layers, in order. Each is one of:

            - `"average pooling"`, `"max pooling"` or `"flatten"`: from feature maps to a vector;
            - `"convolution 512"`: a 3×3 convolution with that many filters, same padding, relu;
            - `"dense 256"`: a dense layer with that many units, relu;
            - `"dropout 0.5"`: dropout at that rate;
            - `"batch normalization"`.

    Raises:
        ValueError: When a step is unknown, or its number is missing or out of range.

    Example:
        >>> head = Head(["batch normalization", "flatten", "dense 512", "dropout 0.5"])
        >>> head(keras.Input((2, 2, 64))).shape
        (None, 512)
    """

    steps: Sequence[str]

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", tuple(self.steps))
        for step in self.steps:
            _parse(step)

    def __call__(self, maps: Any) -> Any:
        """Apply the head to a backbone's output.

        Args:
            maps: Feature maps, `(batch, rows, columns, channels)`.

        Returns:
            One vector per image, `(batch, features)`.

        Raises:
            ValueError: When a step cannot take the output of the one before it, or when the last
                output is not a vector.
        """
        counts: Counter[str] = Counter()
        for text in self.steps:
            kind, number = _parse(text)
            step = _STEPS[kind]
            _check_input(text, step, maps)
            counts[kind] += 1
            name = f"head_{kind.replace(' ', '_')}_{counts[kind]}"
            maps = step.make_layer(*number, name=name)(maps)
        if len(maps.shape) != _VECTORS:
            raise ValueError(
                f"Expected a head that returns a vector per image. Received: {list(self.steps)}, "
                f"which returns feature maps of shape {tuple(maps.shape)}. Add 'average pooling', "
                "'max pooling' or 'flatten'."
            )
        return maps


def make_head(
    head: str | Head | Iterable[str] = "pooling",
    dense: Iterable[int] = (),
    dropout: float = 0.0,
    batch_normalization: bool = False,
) -> Head:
    """Create a head from the most common options.

    Args:
        head: `"pooling"` (average pooling), `"max pooling"` or `"flatten"`; or a complete head, as
            a `Head` or its steps.
        dense: Units of the dense layers after it.
        dropout: Dropout rate before the last layer, from 0 to below 1.
        batch_normalization: Whether to normalize the backbone's output first.

    Returns:
        The head.

    Raises:
        ValueError: When the head is unknown, or a complete head is combined with other options.

    Example:
        >>> make_head("flatten", dense=[256], dropout=0.5).steps
        ('flatten', 'dense 256', 'dropout 0.5')
    """
    if not isinstance(head, str):
        if list(dense) or dropout or batch_normalization:
            raise ValueError(
                "`dense`, `dropout` and `batch_normalization` require head='pooling', "
                f"'max pooling' or 'flatten'. Received: head={head!r}. Add them to its steps."
            )
        return head if isinstance(head, Head) else Head(list(head))
    steps = ["batch normalization"] if batch_normalization else []
    steps.append("average pooling" if head == "pooling" else head)
    steps += [f"dense {units}" for units in dense]
    if dropout:
        steps.append(f"dropout {dropout}")
    return Head(steps)


def _parse(step: str) -> tuple[str, list[Any]]:
    kind, _, argument = (step, "", "") if step in _STEPS else str(step).rpartition(" ")
    if kind not in _STEPS:
        raise ValueError(_unknown_step(step))
    number = _STEPS[kind].number
    if number is None and not argument:
        return kind, []
    try:
        value = number(argument) if number else None
    except ValueError:
        value = None
    if value is None or not (value >= 1 if number is int else 0 <= value < 1):
        raise ValueError(
            f"Expected {_NUMBERS[number]} after {kind!r} in a head. Received: {step!r}."
        )
    return kind, [value]


def _unknown_step(step: str) -> str:
    words = str(step).rstrip("0123456789. ").lower()
    similar = get_close_matches(words, _STEPS, n=1) or [
        kind for kind in _STEPS if words and (words in kind or kind in words)
    ]
    hint = f" Did you mean {' or '.join(map(repr, similar))}?" if similar else ""
    return f"Expected a step of a head out of {', '.join(_STEPS)}. Received: {step!r}.{hint}"


def _check_input(text: str, step: _Step, maps: Any) -> None:
    shape = tuple(maps.shape)
    if step.rank is not None and len(shape) != step.rank:
        expected = "feature maps" if step.rank == _MAPS else "a vector per image"
        raise ValueError(f"Step {text!r} of the head needs {expected}. Received: shape {shape}.")
    if step.make_layer is layers.Flatten and None in shape[1:]:
        raise ValueError(
            f"Step 'flatten' of the head needs images of a fixed size. Received: shape {shape}. "
            "Pass input_shape."
        )
