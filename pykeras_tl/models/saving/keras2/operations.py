"""TensorFlow functions in architectures by Keras 2, translated into what Keras 3 has.

Keras 2 saved `x / 127.5 - 1` as layers that name functions of TensorFlow, and its loader looked the
functions up by name. Here nothing is looked up: a fixed list of functions is translated, and every
other function is refused.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

OPERATION_LAYERS = ("TFOpLambda", "SlicingOpLambda")

_ACTIVATIONS = {
    "math.exp": "exponential",
    "math.sigmoid": "sigmoid",
    "math.softplus": "softplus",
    "math.tanh": "tanh",
    "nn.elu": "elu",
    "nn.gelu": "gelu",
    "nn.relu": "relu",
    "nn.relu6": "relu6",
    "nn.selu": "selu",
    "nn.sigmoid": "sigmoid",
    "nn.silu": "silu",
    "nn.softmax": "softmax",
    "nn.softplus": "softplus",
    "nn.swish": "silu",
    "nn.tanh": "tanh",
}
# Operations of one tensor that have no settings.
_UNARY = {"math.abs": "Absolute", "math.sqrt": "Sqrt", "math.square": "Square"}
_BINARY = {
    "__operators__.add": "Add",
    "math.add": "Add",
    "math.divide": "TrueDivide",
    "math.maximum": "Maximum",
    "math.minimum": "Minimum",
    "math.multiply": "Multiply",
    "math.pow": "Power",
    "math.subtract": "Subtract",
    "math.truediv": "TrueDivide",
    "nn.bias_add": "Add",
    "realdiv": "TrueDivide",
}
# Settings that some functions have and that change nothing at these values.
_DEFAULTS: dict[str, tuple[Any, ...]] = {
    "alpha": (None,),
    "approximate": (None, False),
    "axis": (None, -1),
    "beta": (None, 1.0),
    "data_format": (None, "NHWC", "N...C"),
}
# Every colour channel in reverse order, as in `x[..., ::-1]`.
_REVERSED = {"start": None, "stop": None, "step": -1}


def translate_operation(layer: dict[str, Any]) -> None:
    """Replace a layer that names a function of TensorFlow by one that Keras 3 has.

    Args:
        layer: The layer as saved by Keras 2, changed in place.

    Raises:
        ValueError: When its function is not among those that are translated.

    Example:
        >>> layer = {
        ...     "class_name": "TFOpLambda", "name": "tf.math.truediv",
        ...     "config": {"name": "tf.math.truediv", "function": "math.truediv"},
        ...     "inbound_nodes": [["input_1", 0, 0, {"y": 127.5, "name": None}]],
        ... }
        >>> translate_operation(layer)
        >>> layer["class_name"], round(1 / layer["config"]["scale"], 2)
        ('Rescaling', 127.5)
    """
    function, nodes = layer["config"]["function"], layer["inbound_nodes"]
    try:
        (call,) = nodes
        first, settings = call[:3], dict(call[3])
        settings.pop("name", None)
        kind, config, operands = _translated(function, first, settings)
    except (ValueError, TypeError, IndexError, KeyError, ZeroDivisionError) as error:
        raise ValueError(
            f"The architecture calls the TensorFlow function {function} in a form that is not "
            "translated, because looking up functions that a file names is not safe. Only "
            "arithmetic such as x / 127.5 - 1 is. Write the call as a layer of your own and pass "
            f"custom_objects={{{layer['class_name']!r}: YourLayer}}, or build the model in code "
            "and call load_weights(model, path)."
        ) from error
    name = layer["name"]
    for key in ("module", "registered_name", "build_config"):
        layer.pop(key, None)
    layer["class_name"], layer["config"] = kind, {"name": name, **config}
    if all(map(_is_tensor, operands)) and len(operands) == 1:
        layer["inbound_nodes"] = [[[*operands[0], {}]]]
    else:
        layer["inbound_nodes"] = [{"args": [*map(tensor_of, operands)], "kwargs": {}}]


def tensor_of(value: Any) -> Any:
    """Return an argument of a call in the form of Keras 3.

    Args:
        value: The argument as saved by Keras 2, a tensor as `[layer, node, index]`.

    Returns:
        The tensor in the form of Keras 3; everything else as it is.

    Example:
        >>> tensor_of(["input_1", 0, 0])["config"]["keras_history"]
        ['input_1', 0, 0]
        >>> tensor_of(127.5)
        127.5
    """
    if not _is_tensor(value):
        return value
    # Keras replaces the tensor by the one that the history leads to, whatever its shape.
    config = {"shape": [], "dtype": "float32", "keras_history": value}
    return {"class_name": "__keras_tensor__", "config": config}


def _translated(
    function: str, first: list[Any], settings: dict[str, Any]
) -> tuple[str, dict[str, Any], list[Any]]:
    """Return a call's class, config and operands; tensors are `[layer, node, index]`."""
    if function in _BINARY:
        second = settings.pop("bias" if function == "nn.bias_add" else "y")
        _refuse_settings(settings)
        # Keras 2 put constants that come first in the place of a tensor.
        left = first[2] if first[0] == "_CONSTANT_VALUE" else first
        return _binary(_BINARY[function], left, second)
    if not _is_tensor(first):
        raise ValueError("Expected a tensor.")
    if function == "__operators__.getitem":
        start, last = settings.pop("slice_spec")
        _refuse_settings(settings)
        if start != {"class_name": "__ellipsis__"} or last != _REVERSED:
            raise ValueError("Expected [..., ::-1].")
        return "Flip", {"axis": -1}, [first]
    if function == "cast":
        if settings.get("dtype") not in ("bfloat16", "float16", "float32", "float64"):
            raise ValueError("Expected a floating-point type.")
        return "Rescaling", {"scale": 1.0, "offset": 0.0, "dtype": settings["dtype"]}, [first]
    if function == "clip_by_value":
        limits = {"x_min": settings["clip_value_min"], "x_max": settings["clip_value_max"]}
        return "Clip", {key: _number(value) for key, value in limits.items()}, [first]
    if function == "math.reduce_mean":
        axes, keep = settings.get("axis"), settings.get("keepdims", False)
        if not all(isinstance(axis, int) for axis in (axes if isinstance(axes, list) else [axes])):
            raise ValueError("Expected axes.")
        return "Mean", {"axis": axes, "keepdims": bool(keep)}, [first]
    _refuse_settings(settings)
    if function == "math.negative":
        return "Rescaling", {"scale": -1.0, "offset": 0.0}, [first]
    if function in _UNARY:
        return _UNARY[function], {}, [first]
    return "Activation", {"activation": _ACTIVATIONS[function]}, [first]


def _binary(kind: str, left: Any, right: Any) -> tuple[str, dict[str, Any], list[Any]]:
    if _is_tensor(left) and _is_tensor(right):
        return kind, {}, [left, right]
    constant_first = not _is_tensor(left)
    tensor, constant = (right, left) if constant_first else (left, right)
    if not _is_tensor(tensor):
        raise ValueError("Expected a tensor.")
    # A layer says what it does with the input's scale, an operation does not.
    if kind == "Add":
        return "Rescaling", {"scale": 1.0, "offset": _mapped(float, constant)}, [tensor]
    if kind == "Multiply":
        return "Rescaling", {"scale": _mapped(float, constant), "offset": 0.0}, [tensor]
    if kind == "Subtract" and constant_first:
        return "Rescaling", {"scale": -1.0, "offset": _mapped(float, constant)}, [tensor]
    if kind == "Subtract":
        return "Rescaling", {"scale": 1.0, "offset": _mapped(operator.neg, constant)}, [tensor]
    if kind == "TrueDivide" and not constant_first:
        scale = _mapped(lambda value: 1 / value, constant)
        return "Rescaling", {"scale": scale, "offset": 0.0}, [tensor]
    return kind, {}, [_number(left), right] if constant_first else [left, _number(right)]


def _mapped(function: Callable[[float], float], constant: Any) -> float | list[float]:
    if isinstance(constant, list):
        return [function(_number(value)) for value in constant]
    return function(_number(constant))


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError("Expected a number.")
    return value


def _is_tensor(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 3
        and isinstance(value[0], str)
        and value[0] != "_CONSTANT_VALUE"
        and all(isinstance(index, int) for index in value[1:])
    )


def _refuse_settings(settings: dict[str, Any]) -> None:
    for key, value in settings.items():
        if value not in _DEFAULTS[key]:
            raise ValueError(f"Setting {key} is not translated.")
