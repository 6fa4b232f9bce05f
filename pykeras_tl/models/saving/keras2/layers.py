"""Architectures by Keras 2, brought into the form that Keras 3 builds."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterator
from typing import Any

import keras

from ...keras_internals import OPERATION_MODULES
from ..allowed_layers import OPERATIONS
from .activations import HARD_SIGMOID
from .operations import OPERATION_LAYERS, tensor_of, translate_operation

# Settings of Keras 2 that Keras 3 does not have, with the values at which they change nothing.
_DROPPED: dict[str, tuple[Any, ...]] = {
    "fused": (None, False, True),
    "groups": (1,),
    "implementation": (0, 1, 2),
    "noise_shape": (None,),
    "ragged": (False, None),
    "renorm": (False,),
    "rng_type": (None, "legacy_stateful", "stateful", "stateless"),
    "softmax_robust_masking": (False,),
    "time_major": (False,),
    "virtual_batch_size": (None,),
}
_RENAMED = {
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
    "Custom>CustomScaleLayer": "CustomScaleLayer",
    "SyncBatchNormalization": "BatchNormalization",
}
# Settings that Keras 2 wrote and did not read, whatever their values.
_UNUSED = (
    "kernel_constraint", "kernel_initializer", "kernel_regularizer", "key_shape", "query_shape",
    "value_shape",
)  # fmt: skip
_POLICIES = ("Policy", "PolicyV1")
# Keras 2 took initializers of TensorFlow for its own.
_TENSORFLOW_INITIALIZERS = ("tensorflow.python.ops.init_ops_v2", "tensorflow.python.ops.init_ops")
_MODELS = ("Functional", "Model", "Sequential")


def update_layers(described: dict[str, Any], custom: Collection[str] = ()) -> None:
    """Bring an architecture by Keras 2 into the form that Keras 3 builds.

    Args:
        described: The architecture, changed in place.
        custom: Names of the user's own classes, which are left as they are.

    Raises:
        ValueError: When it calls a function of TensorFlow that is not translated.

    Example:
        >>> layer = {"class_name": "BatchNormalization", "config": {"axis": [3]}}
        >>> update_layers(layer)
        >>> layer["config"]
        {'axis': 3}
    """
    for item in _objects(described):
        name, config = item["class_name"], item.get("config")
        if name in custom:
            continue
        if name == "Sequential":
            _update_sequential(item)
        elif name in OPERATION_LAYERS:
            translate_operation(item)
        elif item.get("module") in _TENSORFLOW_INITIALIZERS:
            item["module"] = "keras.initializers"
        elif isinstance(config, dict):
            if "output_layers" in config:
                _update_graph(config)
            item["class_name"] = _RENAMED.get(name, name)
            _update_config(item, config)


def name_modules(described: dict[str, Any]) -> None:
    """Name the modules of layers and operations that Keras's loader of HDF5 files mistakes.

    The files name no modules. The loader then finds layers only and forgets several axes.

    Args:
        described: The architecture, changed in place.

    Example:
        >>> layer = {"class_name": "LayerNormalization", "config": {"axis": [1, 2]}}
        >>> name_modules(layer)
        >>> layer["module"]
        'keras.layers'
    """
    for item in _objects(described):
        name, config = item["class_name"], item.get("config")
        if "module" in item or not isinstance(config, dict):
            continue
        if name in OPERATIONS and "inbound_nodes" in item and "trainable" not in config:
            # Some layers have the names of operations; layers have more settings.
            item["module"], item["registered_name"] = OPERATION_MODULES[0], name
        elif isinstance(config.get("axis"), list):
            item["module"] = "keras.layers"


def _objects(described: Any) -> Iterator[dict[str, Any]]:
    waiting = [described]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            if isinstance(item.get("class_name"), str):
                yield item
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item


def _update_config(item: dict[str, Any], config: dict[str, Any]) -> None:
    if isinstance(config.get("name"), str):
        config["name"] = _name(config["name"])
    policy = config.get("dtype")
    if isinstance(policy, dict) and policy.get("class_name") in _POLICIES:
        config["dtype"] = policy["config"]["name"]
    kind = vars(keras.layers).get(item["class_name"])
    if not isinstance(kind, type):
        return
    accepted = inspect.signature(kind).parameters
    for key, neutral in _DROPPED.items():
        if key in config and key not in accepted and config[key] in neutral:
            del config[key]
    for key in ("activation", "recurrent_activation"):
        if config.get(key) == "hard_sigmoid":
            config[key] = dict(HARD_SIGMOID)
    for key in set(_UNUSED) - set(accepted):
        config.pop(key, None)
    if "SpatialDropout" in item["class_name"]:
        config.pop("trainable", None)
    axis = config.get("axis")
    if isinstance(axis, list) and len(axis) == 1:
        config["axis"] = axis[0]


def _update_sequential(item: dict[str, Any]) -> None:
    if isinstance(item["config"], list):
        # Before 2.2.3, the layers were all of the config.
        item["config"] = {"name": "sequential", "layers": item["config"]}
    layers = item["config"]["layers"]
    shapes = [
        layer["config"].pop("batch_input_shape", None)
        for layer in layers
        if layer["class_name"] != "InputLayer" and isinstance(layer["config"], dict)
    ]
    if layers and layers[0]["class_name"] != "InputLayer" and shapes and shapes[0] is not None:
        # Keras 3 wants the shape of the input in a layer of its own.
        config = {"batch_input_shape": shapes[0], "name": f"{layers[0]['config']['name']}_input"}
        layers.insert(0, {"class_name": "InputLayer", "config": config})


def _update_graph(config: dict[str, Any]) -> None:
    kinds = {layer["name"]: layer["class_name"] for layer in config["layers"]}
    # In Keras 2, a model's first node was its own graph, so that its first call was the second.
    models = {name for name, kind in kinds.items() if kind in _MODELS}
    sequential = {name for name in models if kinds[name] == "Sequential"}
    for layer in config["layers"]:
        layer["name"] = _name(layer["name"])
        nodes = _updated_references(layer["inbound_nodes"], models)
        if layer["class_name"] not in OPERATION_LAYERS:
            nodes = [_with_tensors(node) for node in nodes]
        layer["inbound_nodes"] = nodes
    # Keras 3 subtracts it for functional models here, and for no model elsewhere.
    for key in ("input_layers", "output_layers"):
        config[key] = _updated_references(config[key], sequential)
        # Keras 2 gave one tensor for a list of one, Keras 3 gives a list.
        if len(config[key]) == 1:
            config[key] = config[key][0]


def _updated_references(item: Any, models: Collection[str]) -> Any:
    """Return tensors, as `[layer, node, index, ...]`, with their names and nodes in Keras 3."""
    if isinstance(item, dict):
        return {key: _updated_references(value, models) for key, value in item.items()}
    if not isinstance(item, list):
        return item
    if len(item) > 2 and isinstance(item[0], str) and isinstance(item[1], int):
        layer, node, *rest = item
        node -= layer in models
        return [_name(layer), node, *(_updated_references(each, models) for each in rest)]
    return [_updated_references(each, models) for each in item]


def _name(name: str) -> str:
    # Keras 3 does not take slashes.
    return name.replace("/", "_")


def _with_tensors(node: Any) -> Any:
    """Return a layer's call in the form of Keras 3 when arguments by name are tensors too."""
    if not (isinstance(node, list) and len(node) == 1 and len(node[0]) == 4):
        return node
    arguments = {key: tensor_of(value) for key, value in node[0][3].items()}
    if arguments == node[0][3]:
        return node
    return {"args": [tensor_of(node[0][:3])], "kwargs": arguments}
