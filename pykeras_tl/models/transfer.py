"""Transfer learning models: input scaling, a frozen pretrained backbone, and a new head."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import keras

from .backbones.registry import build_backbone, get_backbone
from .heads import Head, make_head
from .inference_batch_norm import keep_in_inference_mode
from .input_scaling import InputScaling
from .seeding import seed_initializers


def transfer_model(
    backbone: str,
    classes: int,
    *,
    input_shape: tuple[int | None, int | None, int] | None = None,
    head: str | Head | Iterable[str] = "pooling",
    dense: Iterable[int] = (),
    dropout: float = 0.0,
    batch_normalization: bool = False,
    weights: str | os.PathLike[str] | None = "imagenet",
    include_preprocessing: bool = True,
    activation: str | None = None,
    seed: int | None = None,
    **options: Any,
) -> keras.Model:
    """Build a model of a frozen backbone and a trainable head.

    The model takes raw images, pixels from 0 to 255, and scales them for its backbone itself. The
    backbone is one nested layer, frozen; unfreeze a part of it with
    `unfreeze_weights(model, from_="block5_conv1")`. Batch normalization and dropout of a pretrained
    backbone stay in inference mode even then, because the first training steps would otherwise
    destroy what it has learned. A backbone with random weights trains as usual in Keras.

    Args:
        backbone: A name in `BACKBONES`, such as `"vgg16"`.
        classes: Number of classes; 1 is a single sigmoid unit for two classes.
        input_shape: Height, width and channels; None is the size the backbone was trained on.
        head: `"pooling"` (average pooling), `"max pooling"` or `"flatten"`; or a complete head, as
            a `Head` or a list of its steps.
        dense: Units of the dense layers (relu) before the last.
        dropout: Dropout rate before the last layer, from 0 to below 1.
        batch_normalization: Whether to normalize the backbone's output before the head.
        weights: `"imagenet"`, the path of a weights file without classifier, or None for random
            weights.
        include_preprocessing: Whether the model scales its input. If False, the caller does.
        activation: Activation of the last layer; None is softmax, or sigmoid for one unit.
        seed: Seed of the random weights and of dropout.
        **options: Other arguments of the backbone's constructor, such as MobileNet's `alpha`.

    Returns:
        A model that is not compiled. Its input is `(batch, height, width, channels)`, its output
        `(batch, classes)`.

    Raises:
        FileNotFoundError: When the weights file does not exist or the download fails.
        ValueError: When the backbone, the head or a step is unknown, the weights do not fit, the
            image is too small, or there are too few classes.

    Example:
        >>> model = transfer_model("vgg16", 4, input_shape=(64, 64, 3), weights=None)
        >>> model.output_shape, len(model.trainable_weights)
        ((None, 4), 2)

    Source:
        https://keras.io/guides/transfer_learning/
    """
    if classes < 1 or (classes == 1 and activation == "softmax"):
        raise ValueError(
            f"Expected at least 2 classes, or 1 with activation='sigmoid'. Received: {classes} "
            f"with activation={activation!r}."
        )
    entry = get_backbone(backbone)
    hidden_layers = make_head(head, dense, dropout, batch_normalization)
    if entry.scaling_is_optional:
        options["include_preprocessing"] = include_preprocessing
    with seed_initializers(seed):
        base = build_backbone(backbone, input_shape, weights=weights, **options)
        base.trainable = False
        if weights is not None:
            keep_in_inference_mode(base)
        inputs = keras.Input(base.input_shape[1:], name="pixels")
        pixels = inputs
        if include_preprocessing and entry.scaling != "inside":
            pixels = InputScaling(entry.scaling, name="input_scaling")(inputs)
        features = hidden_layers(base(pixels))
        last = keras.layers.Dense(
            classes,
            activation=activation or ("softmax" if classes > 1 else "sigmoid"),
            name="probabilities",
        )
        return keras.Model(inputs, last(features), name=f"{entry.name}_transfer")
