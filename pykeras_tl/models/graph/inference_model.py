"""A model that predicts what another one does, in less time."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import keras

from ..keras_internals import functional_graph
from .nodes import flat_graph
from .subgraph import Subgraph

# By the graph, which a sequential model makes anew when a layer is added to it.
_made: WeakKeyDictionary[keras.Model, Subgraph | None] = WeakKeyDictionary()


def inference_model(model: keras.Model) -> keras.Model:
    """Return a model with the same layers whose batch normalization is folded into convolutions.

    Args:
        model: A model to predict with. It is not changed, and what it learns later counts.

    Returns:
        A model with the same outputs, but for rounding; the model itself where there is nothing
        to fold, or its operations are not known. It is made once.

    Example:
        >>> layers = [keras.layers.Conv2D(4, 3), keras.layers.BatchNormalization()]
        >>> model = keras.Sequential([keras.Input((8, 8, 3)), *layers])
        >>> inference_model(model) is inference_model(model)
        True
    """
    function = functional_graph(model)
    if function is None:
        return model
    if function not in _made:
        graph = flat_graph(model)
        assert graph is not None
        folded = Subgraph(graph.nodes, graph.inputs, graph.outputs, inference=True)
        _made[function] = folded if folded.is_folded and len(graph.inputs) == 1 else None
    return _made[function] or model
