"""The tables of keras 2's functions, with macros expanded."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path
from typing import Any

import keras
import yaml
from signatures import arguments, expand

HERE = Path(__file__).parent
STANDARD = "batch_size = NULL, dtype = NULL, name = NULL, trainable = NULL, weights = NULL, ..."
STANDARD_FIRST = "input_shape = NULL, batch_input_shape = NULL, "


@dataclass
class Function:
    """One function of keras 2."""

    name: str
    arguments: dict[str, str | None]
    kind: str
    topic: Topic
    entry: dict[str, Any]

    @property
    def standard(self) -> dict[str, str | None]:
        """The arguments that all layers have."""
        if self.kind not in ("layer", "merge"):
            return {}
        first = STANDARD_FIRST if self.kind == "layer" else ""
        standard = arguments(first + STANDARD)
        return {name: value for name, value in standard.items() if name not in self.arguments}

    @property
    def signature(self) -> list[str]:
        """All arguments with defaults, as R text."""
        every = {**self.arguments, **self.standard}
        if self.entry.get("one_by_one"):
            del every["..."]
            every = {"inputs": every.pop("inputs"), "...": None, **every}
        return [name if value is None else f"{name} = {value}" for name, value in every.items()]

    @property
    def path(self) -> str:
        """Where Keras has what the function makes, such as `layers.Conv1D`."""
        return f"{self.topic.module}.{self.entry['py']}"

    def get(self, key: str, default: Any = None) -> Any:
        """Return a setting of the function, or of its topic."""
        return self.entry.get(key, self.topic.entry.get(key, default))


@dataclass
class Topic:
    """A help page."""

    name: str
    module: str
    entry: dict[str, Any]
    functions: list[Function] = field(default_factory=list)


_MODULES = {
    "layer": "layers",
    "merge": "layers",
    "loss": "losses",
    "metric": "metrics",
    "activation": "activations",
    "preprocess": "applications",
    "op": "ops",
}


def read(name: str) -> list[Topic]:
    """Read a table."""
    table = yaml.safe_load((HERE / f"{name}.yaml").read_text(encoding="utf-8"))
    macros = table["macros"]
    topics = []
    for entry in table["topics"]:
        topic = Topic(entry["topic"], entry.get("module") or _MODULES[entry["kind"]], entry)
        for signature, function in {**_regular(entry), **entry["functions"]}.items():
            function = {"py": function} if isinstance(function, str) else function
            name, _, rest = signature.partition("(")
            topic.functions.append(
                Function(
                    name,
                    arguments(expand(rest[:-1], macros)),
                    function.get("kind", entry["kind"]),
                    topic,
                    function,
                )
            )
        topics.append(topic)
    return topics


def _regular(entry: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Return the entries of the backend functions whose names say what they do."""
    result = {}
    for name in entry.get("elementwise", {}).get("x", []):
        result[f"k_{name}(x)"] = {"do": f"ops${name}(x)", "try": "x = X", "is": f"ops.{name}(X)"}
    for name in entry.get("elementwise", {}).get("xy", []):
        result[f"k_{name}(x, y)"] = {
            "do": f"ops${name}(x, y)",
            "try": "x = M, y = Q",
            "is": f"ops.{name}(M, Q)",
        }
    for name in entry.get("over_axes", []):
        result[f"k_{name}(x, axis = NULL, keepdims = FALSE)"] = {
            "do": f"ops${name}(x, axis = axes(axis), keepdims = keepdims)",
            "try": "x = X, axis = c(1, 3), keepdims = TRUE",
            "is": f"ops.{name}(X, (0, 2), keepdims=True)",
        }
    return result


def keras_object(path: str) -> Any:
    """Return what Keras has at a path."""
    return reduce(getattr, path.split("."), keras)


def parameters(path: str) -> dict[str, inspect.Parameter]:
    """Return the parameters of a class or function of Keras."""
    found = keras_object(path)
    call = found.__init__ if inspect.isclass(found) else found
    known = dict(inspect.signature(call).parameters)
    known.pop("self", None)
    return known


def argument_settings() -> tuple[dict[str, str], dict[str, str]]:
    """Return the converter and the description of each argument's name."""
    settings = yaml.safe_load((HERE / "arguments.yaml").read_text(encoding="utf-8"))
    converters = {name: how for how, names in settings["convert"].items() for name in names}
    descriptions = {}
    for names, text in settings["describe"].items():
        for name in names.split(","):
            if name in descriptions:
                raise ValueError(f"Expected one description of {name}. Received: two.")
            descriptions[name] = text
    return converters, descriptions
