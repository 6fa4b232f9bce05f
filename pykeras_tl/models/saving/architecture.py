"""Architectures as text: written, and read from strangers without running anything of theirs."""

from __future__ import annotations

import copy
import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import keras

from ..keras_internals import without_allocation
from ..layer_tree import flatten_layers
from .allowed_layers import custom_layers, disallowed_object

LONGEST = 1 << 26
_DEEPEST = 60
_MOST_PARTS = 500_000
_MOST_LAYERS = 10_000
_MOST_VALUES = 1 << 28


def write_architecture(model: keras.Model) -> str:
    """Write a model's architecture down.

    Args:
        model: A functional or sequential model of known layers.

    Returns:
        JSON, without weights and without optimizer and loss.

    Raises:
        ValueError: When the model has a layer that `build_architecture` would refuse.

    Example:
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> "Dense" in write_architecture(model)
        True
    """
    described = json.loads(model.to_json())
    drop_compilation(described)
    check_objects(described)
    return json.dumps(described)


def build_architecture(text: str, shapes: Iterable[tuple[int, ...]]) -> keras.Model:
    """Build a model from an architecture that may come from anyone.

    Nothing in the text is run, and no memory is taken before it is known that the model's weights
    are those of the weights file.

    Args:
        text: JSON as `write_architecture` gives it.
        shapes: The shapes of the arrays in the weights file.

    Returns:
        The model, with random weights, not compiled.

    Raises:
        ValueError: When the text is no such JSON, names a layer that is not known, or describes a
            model too large or with other weights than those of the file.

    Example:
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> build_architecture(write_architecture(model), [(2, 1), (1,)]).count_params()
        3
    """
    described = parse_architecture(text)
    check_objects(described)
    drop_compilation(described)
    # Keras takes the description apart while it builds.
    check_sizes(lambda: _build(copy.deepcopy(described)), shapes)
    return _build(described)


def parse_architecture(
    text: str, kinds: Sequence[str] = ("Functional", "Sequential")
) -> dict[str, Any]:
    """Read an architecture's text.

    Args:
        text: JSON.
        kinds: What models are called in it.

    Returns:
        Its content.

    Raises:
        ValueError: When it is no such JSON or too long.
    """
    if len(text) > LONGEST:
        raise ValueError(f"an architecture of {len(text):,} characters is not read")
    try:
        described = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError("the architecture is no whole JSON text") from error
    if not isinstance(described, dict) or described.get("class_name") not in kinds:
        raise ValueError("the architecture is of no functional or sequential model")
    return described


def check_objects(
    described: Any, unknown: Callable[[dict[str, Any]], str | None] = disallowed_object
) -> None:
    """Refuse an architecture that names anything but what is known to run nothing of it.

    Args:
        described: Its content.
        unknown: Names an object that is not known, or gives None.

    Raises:
        ValueError: When it has such an object, or is too large or nested too deep.
    """
    seen, layers = 0, 0
    waiting = [(described, 0)]
    while waiting:
        item, depth = waiting.pop()
        seen += 1
        if isinstance(item, dict):
            waiting += [(value, depth + 1) for value in item.values()]
            layers += "inbound_nodes" in item or item.get("module") == "keras.layers"
            name = unknown(item) if "class_name" in item else None
            if name:
                raise ValueError(
                    f"the architecture has {name}, which is not known to be safe; "
                    "only Keras's own layers that compute, and ours, are taken"
                )
        elif isinstance(item, list):
            waiting += [(value, depth + 1) for value in item]
        if depth > _DEEPEST or seen > _MOST_PARTS or layers > _MOST_LAYERS:
            raise ValueError("the architecture is too large or nested too deep to be read")


def check_sizes(build: Callable[[], keras.Model], shapes: Iterable[tuple[int, ...]]) -> None:
    """Refuse an architecture that needs other weights than those there are, or far too much memory.

    Args:
        build: Builds the model; it is called where that takes no memory.
        shapes: The shapes of the arrays in the weights file.

    Raises:
        ValueError: When a weight is missing, or a layer makes too much of one image.
    """
    with without_allocation():
        model = build()
        needed = Counter(tuple(weight.shape) for weight in model.weights)
        _check_outputs(model)
    missing = needed - Counter(shapes)
    if missing:
        raise ValueError(
            f"the architecture needs weights of shape {next(iter(missing))} that the weights file "
            "lacks"
        )


def drop_compilation(described: Any) -> None:
    """Remove what an architecture says of compiling.

    Args:
        described: Its content, changed in place.
    """
    for item in described.values() if isinstance(described, dict) else described:
        if isinstance(item, (dict, list)):
            drop_compilation(item)
    if isinstance(described, dict):
        described.pop("compile_config", None)


def _build(described: dict[str, Any]) -> keras.Model:
    try:
        return keras.saving.deserialize_keras_object(
            described, custom_objects=custom_layers(), safe_mode=True
        )
    except Exception as error:  # Whatever Keras meets in made-up settings.
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ValueError(f"the architecture cannot be built: {reason}") from error


def _check_outputs(model: keras.Model) -> None:
    for leaf in flatten_layers(model):
        for tensor in keras.tree.flatten(leaf.layer.output):
            values = math.prod(size for size in tensor.shape[1:] if size is not None)
            if values > _MOST_VALUES:
                raise ValueError(
                    f"layer {leaf.path!r} makes {values:,} values of one image; "
                    "the architecture is refused"
                )
