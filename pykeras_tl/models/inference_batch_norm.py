"""Keeps pretrained batch normalization and dropout in inference mode during fine-tuning.

Otherwise the first training batches overwrite the statistics that pretraining found.
"""

from __future__ import annotations

from typing import Any

import keras

from .layer_tree import flatten_layers


@keras.saving.register_keras_serializable(package="pykeras_tl")
class InferenceBatchNormalization(keras.layers.BatchNormalization):
    """Batch normalization with its moving mean and variance, during training too.

    Scale and offset are trained as usual when the layer is unfrozen. The moving mean and variance
    keep their pretrained values, and the statistics of a batch are never used.

    Input shape:
        Any, as for `keras.layers.BatchNormalization`.

    Output shape:
        Same as the input.

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
            training: Ignored.
            mask: As in `keras.layers.BatchNormalization`.

        Returns:
            The normalized batch, of the same shape.
        """
        return super().call(inputs, training=False, mask=mask)


def freeze_batch_norm(model: keras.Model) -> None:
    """Make batch normalization keep its moving mean and variance when a model is trained.

    Scale and offset are still trained where the layer is unfrozen. `transfer_model` does it to
    pretrained backbones by itself.

    Args:
        model: The model, changed in place; its weights are kept. Compile it afterwards.

    Example:
        >>> layers = [keras.Input((2,)), keras.layers.BatchNormalization()]
        >>> model = keras.Sequential(layers)
        >>> freeze_batch_norm(model)
        >>> type(model.layers[0]).__name__
        'InferenceBatchNormalization'

    Source:
        https://keras.io/guides/transfer_learning/ and keras-team/keras#20285; fastai's `BnFreeze`,
        torchvision's `FrozenBatchNorm2d`.
    """
    for leaf in flatten_layers(model):
        if type(leaf.layer) is keras.layers.BatchNormalization:
            # Weights and graph are kept; only the computation of a batch changes.
            leaf.layer.__class__ = InferenceBatchNormalization


def keep_in_inference_mode(model: keras.Model) -> None:
    """Make batch normalization and dropout behave the same in training as in inference.

    Keras's guide calls a backbone with `training=False` for this, but since Keras 3 `fit` overrides
    it. Therefore the layers themselves are changed: batch normalization becomes
    `InferenceBatchNormalization`, and the rate of dropout becomes 0.

    Args:
        model: The model, changed in place; its weights are kept.

    Example:
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dropout(0.5)])
        >>> keep_in_inference_mode(model)
        >>> model.layers[0].rate
        0.0

    Source:
        https://keras.io/guides/transfer_learning/ and keras-team/keras#20285.
    """
    freeze_batch_norm(model)
    for leaf in flatten_layers(model):
        if isinstance(leaf.layer, keras.layers.Dropout):
            leaf.layer.rate = 0.0
