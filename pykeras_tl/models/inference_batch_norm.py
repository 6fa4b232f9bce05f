"""A pretrained network kept in inference mode while it is trained further."""

from __future__ import annotations

from typing import Any

import keras

from .layer_tree import flatten_layers


@keras.saving.register_keras_serializable(package="pykeras_tl")
class InferenceBatchNormalization(keras.layers.BatchNormalization):
    """Batch normalization by its own mean and variance, in training too.

    Scale and offset train as ever when the layer is unfrozen; the moving mean and variance stay
    what pretraining made them, and a batch's own are never used.

    Example:
        >>> import numpy as np
        >>> layer = InferenceBatchNormalization(epsilon=0.0)
        >>> float(np.asarray(layer(np.array([[3.0]]), training=True))[0, 0])
        3.0
    """

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Normalize a batch as in inference.

        Args:
            inputs: The batch.
            training: Not regarded.
            mask: As in Keras.

        Returns:
            The normalized batch, of the same shape.
        """
        return super().call(inputs, training=False, mask=mask)


def keep_in_inference_mode(model: keras.Model) -> None:
    """Make a network's batch normalization and dropout behave in training as in inference.

    Keras's guide calls a backbone with `training=False` for this, but since Keras 3 `fit` overrides
    that. So here the layers themselves are changed: batch normalization becomes
    `InferenceBatchNormalization` and dropout drops nothing.

    Args:
        model: The network, changed in place; its weights stay.

    Example:
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dropout(0.5)])
        >>> keep_in_inference_mode(model)
        >>> model.layers[0].rate
        0.0

    Source:
        https://keras.io/guides/transfer_learning/ and keras-team/keras#20285.
    """
    for leaf in flatten_layers(model):
        if type(leaf.layer) is keras.layers.BatchNormalization:
            # Same weights and graph; only what the layer does with a batch changes.
            leaf.layer.__class__ = InferenceBatchNormalization
        elif isinstance(leaf.layer, keras.layers.Dropout):
            leaf.layer.rate = 0.0
