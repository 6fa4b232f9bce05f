"""The features of images: what comes into a model's last layers with weights."""

from __future__ import annotations

import keras
import numpy as np

from ..graph.nodes import Graph, GraphTensor, flat_graph, nodes_between
from ..graph.subgraph import Subgraph
from ..inference import predict_batch


class FeatureExtractor:
    """Computes a model's outputs and the features they rest on, in one pass over the images.

    Features are what comes into the last layer with weights, or into the last ones of several
    averaged networks, side by side. Feature maps are averaged over their height and width.

    Args:
        model: A functional or sequential model with one input and one output.

    Raises:
        ValueError: If it is a model of another kind, whose layers are not known.

    Example:
        >>> layers = [keras.Input((4, 4, 3)), keras.layers.Conv2D(5, 3),
        ...           keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2, "softmax")]
        >>> extractor = FeatureExtractor(keras.Sequential(layers))
        >>> outputs, features = extractor(np.zeros((7, 4, 4, 3), "float32"))
        >>> outputs.shape, features.shape
        ((7, 2), (7, 5))

    Attributes:
        size: The number of features.
    """

    def __init__(self, model: keras.Model) -> None:
        graph = flat_graph(model)
        if graph is None or len(graph.inputs) != 1 or not isinstance(graph.outputs, GraphTensor):
            raise ValueError(
                "Expected a functional or sequential model with one input and one output, whose "
                f"layers can be looked into. Received: {model.name!r}, a {type(model).__name__}."
            )
        features = _before_last_weights(graph)
        wanted = [graph.outputs, *features]
        self._model = model
        self._both = Subgraph(
            nodes_between(graph.nodes, graph.inputs, wanted), graph.inputs, wanted
        )
        channels_last = keras.config.image_data_format() == "channels_last"
        self._axes = [_spatial_axes(tensor, channels_last) for tensor in features]
        self.size = sum(tensor.shape[-1 if channels_last else 1] or 0 for tensor in features)

    def __call__(
        self, images: np.ndarray, test_time_augmentation: str | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Compute outputs and features of a batch.

        Args:
            images: Shape (images, height, width, channels).
            test_time_augmentation: Views over which outputs are averaged, as in `predict_batch`;
                features are those of the images as they are.

        Returns:
            The outputs, shape (images, units), and the features, shape (images, features).
        """
        outputs, *tensors = (np.asarray(each) for each in self._both.predict_on_batch(images))
        if test_time_augmentation is not None:
            outputs = predict_batch(self._model, images, test_time_augmentation)
        parts = [tensor.mean(axis=axes) for tensor, axes in zip(tensors, self._axes)]
        return outputs, np.concatenate(parts, axis=1).astype("float32")


def _before_last_weights(graph: Graph) -> list[GraphTensor]:
    """Return the inputs of the last layers with weights."""
    found: list[GraphTensor] = []
    pending = [graph.outputs]
    while pending:
        tensor = pending.pop(0)
        node = tensor.producer
        if node is None:
            found.append(tensor)
        else:
            (found if node.weights else pending).extend(node.inputs)
    return list(dict.fromkeys(found))


def _spatial_axes(tensor: GraphTensor, channels_last: bool) -> tuple[int, ...]:
    rank = len(tensor.shape)
    return tuple(range(1, rank - 1)) if channels_last else tuple(range(2, rank))
