"""The layers of a model in flow order, those inside nested models too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches

import keras

from .backbones.registry import backbone_of


@dataclass(frozen=True)
class FlatLayer:
    """A layer that is no model itself, and where it stands.

    Attributes:
        layer: The layer.
        path: Its name behind the names of the nested models around it, `"vgg16/block1_conv1"`.
        containers: Those models, outermost first; without the model that was walked.
    """

    layer: keras.Layer
    path: str
    containers: tuple[keras.Model, ...]


def flatten_layers(model: keras.Model) -> list[FlatLayer]:
    """List the layers of a model in flow order, with those of nested models in their place.

    Args:
        model: Any Keras model.

    Returns:
        The layers, input to output.

    Example:
        >>> inner = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, name="a")], name="m")
        >>> outer = keras.Sequential([keras.Input((2,)), inner, keras.layers.Dense(1, name="b")])
        >>> [leaf.path for leaf in flatten_layers(outer)]
        ['m/a', 'b']
    """
    return list(_walk(model, ()))


def _walk(model: keras.Model, around: tuple[keras.Model, ...]) -> Iterator[FlatLayer]:
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _walk(layer, (*around, layer))
        else:
            yield FlatLayer(layer, "/".join(each.name for each in (*around, layer)), around)


class LayerTree:
    """The leaves of a model, found by what people call them.

    Args:
        model: Any Keras model with layers.
    """

    def __init__(self, model: keras.Model):
        self.model = model
        self.leaves = flatten_layers(model)

    def find(self, target: str | int | keras.Layer) -> range:
        """Find the places of a layer, a nested model or a backbone's stage.

        Args:
            target: A layer; the name of a layer of the model or, when it has none of that name,
                of a layer inside a nested model (`"block5_conv1"` or `"vgg16/block5_conv1"`), or
                of a stage of a registered backbone; or an index into `model.layers`, from 0,
                negative ones from the end.

        Returns:
            The places in `leaves`, consecutive; a nested model and a stage have several.

        Raises:
            ValueError: When nothing or more than one thing has that name.
            IndexError: When the index is out of range.
            TypeError: When the target is of another kind.
        """
        if isinstance(target, keras.Layer):
            return self._places(target)
        if isinstance(target, str):
            return self._named(target)
        if hasattr(target, "__index__") and not isinstance(target, bool):
            return self._places(self._at(int(target)))
        raise TypeError(
            "a layer is given by its name, its index, a stage's name or as itself; "
            f"received {target!r} of type {type(target).__name__}"
        )

    def _at(self, index: int) -> keras.Layer:
        count = len(self.model.layers)
        if not -count <= index < count:
            raise IndexError(
                f"model {self.model.name!r} has {count} layers, 0 to {count - 1} or "
                f"{-count} to -1; received index {index}"
            )
        return self.model.layers[index]

    def _places(self, target: keras.Layer) -> range:
        places = [
            place
            for place, leaf in enumerate(self.leaves)
            if leaf.layer is target or any(each is target for each in leaf.containers)
        ]
        if not places:
            raise ValueError(f"layer {target.name!r} is not in model {self.model.name!r}")
        return range(places[0], places[-1] + 1)

    def _named(self, name: str) -> range:
        for layer in self.model.layers:
            if layer.name == name:
                return self._places(layer)
        found = self._nested(name) or self._stages().get(name, [])
        if len(found) == 1:
            return found[0]
        if found:
            paths = ", ".join(self.leaves[places[0]].path for places in found)
            raise ValueError(
                f"{len(found)} layers or stages are named {name!r}, at {paths}; "
                "give the name with the nested model's before it, or the layer"
            )
        raise ValueError(self._no_such(name))

    def _nested(self, name: str) -> list[range]:
        found = []
        for leaf in self.leaves:
            around = [*leaf.containers, leaf.layer]
            for depth, layer in enumerate(around):
                path = "/".join(each.name for each in around[: depth + 1])
                if name in (layer.name, path) and self._places(layer) not in found:
                    found.append(self._places(layer))
        return found

    def _stages(self) -> dict[str, list[range]]:
        models = {id(each): each for leaf in self.leaves for each in (self.model, *leaf.containers)}
        stages: dict[str, list[range]] = {}
        for model in models.values():
            entry = backbone_of(model)
            for stage, ends in (entry.stage_layers(model) if entry else {}).items():
                first, last = (self._places(model.get_layer(name)) for name in ends)
                stages.setdefault(stage, []).append(range(first.start, last.stop))
                stages.setdefault(f"{model.name}/{stage}", []).append(range(first.start, last.stop))
        return stages

    def _no_such(self, name: str) -> str:
        known = dict.fromkeys(
            [each.name for leaf in self.leaves for each in (*leaf.containers, leaf.layer)]
            + [stage for stage in self._stages() if "/" not in stage]
        )
        near = get_close_matches(name, known, n=3, cutoff=0.5)
        shown = near or [*list(known)[:5], "…"]
        return (
            f"model {self.model.name!r} has no layer and no stage named {name!r}; "
            f"{'near' if near else 'it has'}: {', '.join(shown)}"
        )
