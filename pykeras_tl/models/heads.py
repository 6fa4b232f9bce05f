"""What stands between a backbone and the probabilities, written as a list of steps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
from keras import layers

# Which rank the input of a step has: feature maps or vectors; None takes either.
_MAPS, _VECTORS = 4, 2


@dataclass(frozen=True)
class _Step:
    make: Callable[..., keras.Layer]
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
    "dropout": _Step(layers.Dropout, None, float),
    "dense": _Step(_dense, _VECTORS, int),
}


@dataclass(frozen=True)
class Head:
    """The layers that stand on a backbone, without the last one that gives the probabilities.

    Attributes:
        steps: What is done, in order. Each is one of:

            - `"average pooling"`, `"max pooling"` or `"flatten"`: from feature maps to a vector;
            - `"convolution 512"`: a 3×3 convolution with that many filters, same size, relu;
            - `"dense 256"`: a dense layer with that many units, relu;
            - `"dropout 0.5"`: that share of the values dropped in training;
            - `"batch normalization"`.

    Raises:
        ValueError: When there is no such step, or its number is missing or out of range.

    Example:
        >>> Head(["batch normalization", "flatten", "dense 512", "dropout 0.5"]).steps[-1]
        'dropout 0.5'
    """

    steps: Sequence[str]

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", tuple(self.steps))
        for step in self.steps:
            _read(step)

    def __call__(self, maps: Any) -> Any:
        """Put the head on a backbone's output.

        Args:
            maps: Feature maps, `(batch, rows, columns, channels)`.

        Returns:
            One vector an image, `(batch, values)`.

        Raises:
            ValueError: When a step does not fit what comes before it, or when feature maps are
                left at the end.
        """
        numbers: Counter[str] = Counter()
        for text in self.steps:
            kind, number = _read(text)
            step = _STEPS[kind]
            _check_input(text, step, maps)
            numbers[kind] += 1
            name = f"head_{kind.replace(' ', '_')}_{numbers[kind]}"
            maps = step.make(*number, name=name)(maps)
        if len(maps.shape) != _VECTORS:
            raise ValueError(
                f"the head {list(self.steps)} leaves feature maps of shape {tuple(maps.shape)}; "
                "put 'average pooling', 'max pooling' or 'flatten' into it"
            )
        return maps


def make_head(
    head: str | Head | Iterable[str] = "pooling",
    dense: Iterable[int] = (),
    dropout: float = 0.0,
    batch_normalization: bool = False,
) -> Head:
    """Make a head from the few things that are usually said of one.

    Args:
        head: `"pooling"` (average pooling), `"max pooling"` or `"flatten"`; or a whole head, as a
            `Head` or its steps.
        dense: Units of the dense layers after it.
        dropout: Share of the values dropped before the last layer, from 0 to below 1.
        batch_normalization: Whether the backbone's output is normalized first.

    Returns:
        The head.

    Raises:
        ValueError: When there is no such head, or when a whole head is given together with parts.

    Example:
        >>> make_head("flatten", dense=[256], dropout=0.5).steps
        ('flatten', 'dense 256', 'dropout 0.5')
    """
    if not isinstance(head, str):
        if list(dense) or dropout or batch_normalization:
            raise ValueError(
                "`dense`, `dropout` and `batch_normalization` are for a head given by one word; "
                "write them into the steps of this one"
            )
        return head if isinstance(head, Head) else Head(list(head))
    steps = ["batch normalization"] if batch_normalization else []
    steps.append("average pooling" if head == "pooling" else head)
    steps += [f"dense {units}" for units in dense]
    if dropout:
        steps.append(f"dropout {dropout}")
    return Head(steps)


def _read(step: str) -> tuple[str, list[Any]]:
    kind, _, rest = (step, "", "") if step in _STEPS else str(step).rpartition(" ")
    if kind not in _STEPS:
        raise ValueError(f"there is no step {step!r} of a head; known are: {', '.join(_STEPS)}")
    number = _STEPS[kind].number
    if number is None and not rest:
        return kind, []
    try:
        value = number(rest) if number else None
    except ValueError:
        value = None
    if value is None or not (value >= 1 if number is int else 0 <= value < 1):
        wanted: dict[Any, str] = {int: "a whole number from 1", float: "a share from 0 to below 1"}
        raise ValueError(f"step {step!r} of a head takes {wanted.get(number, 'no number')}")
    return kind, [value]


def _check_input(text: str, step: _Step, maps: Any) -> None:
    shape = tuple(maps.shape)
    if step.rank is not None and len(shape) != step.rank:
        wanted = "feature maps" if step.rank == _MAPS else "a vector"
        raise ValueError(f"step {text!r} of the head needs {wanted}, and gets shape {shape}")
    if step.make is layers.Flatten and None in shape[1:]:
        raise ValueError(
            f"'flatten' needs images of one size, and gets shape {shape}; give input_shape"
        )
