"""The layers of a model in topological order, including those inside nested models.

A transfer model holds its backbone as one nested layer. Users name layers of the backbone as if
they were the model's own, so every lookup by name goes through this tree.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches

import keras

from .backbones.registry import backbone_of


@dataclass(frozen=True)
class FlatLayer:
    """A layer that is not a model itself, and its position among nested models.

    Attributes:
        layer: The layer.
        path: Its name, preceded by the names of the nested models around it:
            `"vgg16/block1_conv1"`.
        containers: Those models, outermost first, without the model that was flattened.
    """

    layer: keras.Layer
    path: str
    containers: tuple[keras.Model, ...]


def flatten_layers(model: keras.Model) -> list[FlatLayer]:
    """List the layers of a model in topological order, with nested models expanded.

    Args:
        model: Any Keras model.

    Returns:
        The layers, from input to output.

    Example:
        >>> inner = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, name="a")], name="m")
        >>> outer = keras.Sequential([keras.Input((2,)), inner, keras.layers.Dense(1, name="b")])
        >>> [leaf.path for leaf in flatten_layers(outer)]
        ['m/a', 'b']
    """
    return list(_walk(model, ()))


def _walk(model: keras.Model, containers: tuple[keras.Model, ...]) -> Iterator[FlatLayer]:
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _walk(layer, (*containers, layer))
        else:
            yield FlatLayer(layer, _path((*containers, layer)), containers)


def _path(layers: tuple[keras.Layer, ...]) -> str:
    return "/".join(layer.name for layer in layers)


class LayerTree:
    """The flattened layers of a model, found by name, stage or index.

    Args:
        model: Any Keras model with layers.

    Attributes:
        model: The model.
        leaves: Its flattened layers, from input to output.

    Example:
        >>> inner = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, name="a")], name="m")
        >>> outer = keras.Sequential([keras.Input((2,)), inner, keras.layers.Dense(1, name="b")])
        >>> LayerTree(outer).find("a"), LayerTree(outer).find(-1)
        (range(0, 1), range(1, 2))
    """

    def __init__(self, model: keras.Model):
        self.model = model
        self.leaves = flatten_layers(model)

    def find(self, target: str | int | keras.Layer) -> range:
        """Find the positions of a layer, a nested model, or a stage of a backbone.

        Args:
            target: A layer; the name of a layer of the model or, if there is none, of a layer
                inside a nested model (`"block5_conv1"` or `"vgg16/block5_conv1"`), or of a stage
                of a registered backbone; or an index into `model.layers` from 0, negative from
                the end.

        Returns:
            Consecutive positions in `leaves`; several for a nested model or a stage.

        Raises:
            ValueError: When the name is unknown or ambiguous.
            IndexError: When the index is out of range.
            TypeError: When the target is of another type.
        """
        if isinstance(target, keras.Layer):
            return self._positions(target)
        if isinstance(target, str):
            return self._by_name(target)
        if hasattr(target, "__index__") and not isinstance(target, bool):
            return self._positions(self._by_index(int(target)))
        raise TypeError(
            "Expected a layer, its name, its index, or the name of a stage. "
            f"Received: {target!r} of type {type(target).__name__}."
        )

    def _by_index(self, index: int) -> keras.Layer:
        count = len(self.model.layers)
        if not -count <= index < count:
            raise IndexError(
                f"Model {self.model.name!r} has {count} layers. Expected an index from 0 to "
                f"{count - 1} or from {-count} to -1. Received: {index}."
            )
        return self.model.layers[index]

    def _positions(self, target: keras.Layer) -> range:
        positions = [
            position
            for position, leaf in enumerate(self.leaves)
            if leaf.layer is target or any(model is target for model in leaf.containers)
        ]
        if not positions:
            raise ValueError(f"Layer {target.name!r} is not in model {self.model.name!r}.")
        return range(positions[0], positions[-1] + 1)

    def _by_name(self, name: str) -> range:
        for layer in self.model.layers:
            if layer.name == name:
                return self._positions(layer)
        matches = self._nested(name) or self.stages().get(name, [])
        if len(matches) == 1:
            return matches[0]
        if matches:
            paths = ", ".join(self.leaves[positions[0]].path for positions in matches)
            raise ValueError(
                f"{len(matches)} layers or stages of model {self.model.name!r} are named "
                f"{name!r}: {paths}. Pass the path with the nested model's name, or the layer."
            )
        raise ValueError(self._unknown_name(name))

    def _nested(self, name: str) -> list[range]:
        matches = []
        for leaf in self.leaves:
            layers = (*leaf.containers, leaf.layer)
            for depth, layer in enumerate(layers):
                named = name in (layer.name, _path(layers[: depth + 1]))
                if named and self._positions(layer) not in matches:
                    matches.append(self._positions(layer))
        return matches

    def stages(self) -> dict[str, list[range]]:
        """Find the stages of the model and of its nested models, if they are backbones.

        Returns:
            Positions in `leaves` by the stage's name and by its path; a name has several entries
            when several backbones have a stage of that name.
        """
        models = {
            id(model): model for leaf in self.leaves for model in (self.model, *leaf.containers)
        }
        stages: dict[str, list[range]] = {}
        for model in models.values():
            backbone = backbone_of(model)
            for stage, names in (backbone.stage_layers(model) if backbone else {}).items():
                first, last = (self._positions(model.get_layer(name)) for name in names)
                stages.setdefault(stage, []).append(range(first.start, last.stop))
                stages.setdefault(f"{model.name}/{stage}", []).append(range(first.start, last.stop))
        return stages

    def _unknown_name(self, name: str) -> str:
        names = dict.fromkeys(
            [layer.name for leaf in self.leaves for layer in (*leaf.containers, leaf.layer)]
            + [stage for stage in self.stages() if "/" not in stage]
        )
        similar = get_close_matches(name, names, n=3, cutoff=0.5)
        hint = (
            f"Did you mean {' or '.join(map(repr, similar))}?"
            if similar
            else f"Its layers are {', '.join([*list(names)[:5], '…'])}"
        )
        return f"Model {self.model.name!r} has no layer or stage named {name!r}. {hint}"
