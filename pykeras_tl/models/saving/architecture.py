"""Model architectures as JSON, read from untrusted files without running anything in them.

Keras's own loader imports what a file names and allocates what it describes. Here every object is
checked against an allow-list first, and the model is built once without memory to compare its
weights with those of the weights file.
"""

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
from .allowed_layers import custom_layers, disallowed_object, update_modules
from .weight_files import as_sentence

MAX_LENGTH = 1 << 26
_MAX_DEPTH = 60
_MAX_ITEMS = 500_000
_MAX_LAYERS = 10_000
_MAX_OUTPUT_VALUES = 1 << 28


def write_architecture(model: keras.Model) -> str:
    """Serialize a model's architecture.

    Args:
        model: A functional or sequential model of allowed layers.

    Returns:
        JSON, without weights, optimizer and loss.

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
    """Build a model from an untrusted architecture.

    Nothing in the text is run, and no memory is allocated before the model's weights are known to
    be those of the weights file.

    Args:
        text: JSON as returned by `write_architecture`.
        shapes: The shapes of the arrays in the weights file.

    Returns:
        The model, with random weights, not compiled.

    Raises:
        ValueError: When the text is not such JSON, names a layer that is not allowed, or describes
            a model that is too large or has other weights than the file.

    Example:
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> build_architecture(write_architecture(model), [(2, 1), (1,)]).count_params()
        3
    """
    described = parse_architecture(text)
    check_objects(described)
    drop_compilation(described)
    update_modules(described)
    # Keras modifies the description while it builds.
    check_sizes(lambda: _build(copy.deepcopy(described)), shapes)
    return _build(described)


def parse_architecture(
    text: str, kinds: Sequence[str] = ("Functional", "Sequential")
) -> dict[str, Any]:
    """Parse an architecture's JSON.

    Args:
        text: JSON.
        kinds: The class names that a model may have in it.

    Returns:
        The parsed description.

    Raises:
        ValueError: When it is too long, or not the JSON of a model.

    Example:
        >>> parse_architecture('{"class_name": "Sequential", "config": {}}')["class_name"]
        'Sequential'
    """
    if len(text) > MAX_LENGTH:
        raise ValueError(
            f"Expected an architecture of at most {MAX_LENGTH:,} characters. "
            f"Received: {len(text):,} characters."
        )
    try:
        described = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError("The architecture is not complete JSON; it may be truncated.") from error
    if not isinstance(described, dict) or described.get("class_name") not in kinds:
        raise ValueError("The architecture is not that of a functional or sequential model.")
    return described


def check_objects(
    described: Any, disallowed: Callable[[dict[str, Any]], str | None] = disallowed_object
) -> None:
    """Refuse an architecture that names anything outside the allow-list.

    Args:
        described: The parsed architecture.
        disallowed: Returns the name of an object that is not allowed, None for others.

    Raises:
        ValueError: When it has such an object, is too large, or is nested too deeply.
    """
    items, layers = 0, 0
    pending = [(described, 0)]
    while pending:
        item, depth = pending.pop()
        items += 1
        if isinstance(item, dict):
            pending += [(value, depth + 1) for value in item.values()]
            layers += "inbound_nodes" in item or item.get("module") == "keras.layers"
            name = disallowed(item) if "class_name" in item else None
            if name:
                raise ValueError(
                    f"The architecture contains {name}, which is not known to be safe. "
                    "Expected only Keras layers that cannot run code, and those of pykeras_tl."
                )
        elif isinstance(item, list):
            pending += [(value, depth + 1) for value in item]
        if depth > _MAX_DEPTH or items > _MAX_ITEMS or layers > _MAX_LAYERS:
            raise ValueError("The architecture is too large or nested too deeply.")


def check_sizes(build: Callable[[], keras.Model], shapes: Iterable[tuple[int, ...]]) -> None:
    """Refuse an architecture whose weights are not in the file, or that needs far too much memory.

    Args:
        build: Builds the model; called where building allocates no memory.
        shapes: The shapes of the arrays in the weights file.

    Raises:
        ValueError: When a weight is missing, or a layer's output for one image is too large.
    """
    with without_allocation():
        model = build()
        needed = Counter(tuple(weight.shape) for weight in model.weights)
        _check_outputs(model)
    missing = needed - Counter(shapes)
    if missing:
        raise ValueError(
            f"The architecture needs weights of shape {next(iter(missing))}, which the weights "
            "file does not contain."
        )


def drop_compilation(described: Any) -> None:
    """Remove an architecture's compile configuration.

    Args:
        described: The parsed architecture, changed in place.

    Example:
        >>> described = {"class_name": "Sequential", "compile_config": {"optimizer": "adam"}}
        >>> drop_compilation(described)
        >>> described
        {'class_name': 'Sequential'}
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
    except Exception as error:  # Keras raises anything for invented settings.
        raise ValueError(f"The architecture cannot be built. {as_sentence(error)}") from error


def _check_outputs(model: keras.Model) -> None:
    for leaf in flatten_layers(model):
        for tensor in keras.tree.flatten(leaf.layer.output):
            values = math.prod(size for size in tensor.shape[1:] if size is not None)
            if values > _MAX_OUTPUT_VALUES:
                raise ValueError(
                    f"Layer {leaf.path!r} computes {values:,} values for one image. Expected at "
                    f"most {_MAX_OUTPUT_VALUES:,}."
                )
