"""A backbone and a head: the model of transfer learning."""

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
    """Put a head on a frozen backbone.

    The model takes images as they are read, pixels from 0 to 255, and scales them for its
    backbone itself. The backbone is one nested layer, frozen; unfreeze a part of it with
    `unfreeze_weights(model, from_="block5_conv1")`. The batch normalization and dropout of a
    pretrained backbone stay in inference mode then too, or the first steps would destroy what it
    has learned; one with random weights has nothing to lose, and trains as Keras has it.

    Args:
        backbone: A name in `BACKBONES`, such as `"vgg16"`.
        classes: How many classes. One unit, for two classes, gives one probability.
        input_shape: Height, width and channels; None is the size the backbone was trained on.
        head: `"pooling"` (average pooling), `"max pooling"` or `"flatten"`; or a whole head, as a
            `Head` or a list of its steps.
        dense: Units of the dense layers (relu) before the last.
        dropout: Share of the values dropped before the last layer, from 0 to below 1.
        batch_normalization: Whether the backbone's output is normalized before the head.
        weights: `"imagenet"`, the path of a weights file without classifier, or None.
        include_preprocessing: False leaves the scaling of the input to the caller.
        activation: Of the last layer; None is softmax, and sigmoid for one unit.
        seed: The seed of the random weights and of dropout.
        **options: What else the backbone's constructor takes, such as MobileNet's `alpha`.

    Returns:
        A model that is not compiled: images in, `(batch, classes)` out.

    Raises:
        FileNotFoundError: When there is no such weights file, or the download is refused.
        ValueError: When there is no such backbone, head or step, the weights do not fit, the
            image is too small, or there are no classes.

    Example:
        >>> model = transfer_model("vgg16", 4, input_shape=(64, 64, 3), weights=None)
        >>> model.output_shape, len(model.trainable_weights)
        ((None, 4), 2)

    Source:
        https://keras.io/guides/transfer_learning/
    """
    if classes < 1 or (classes == 1 and activation == "softmax"):
        raise ValueError(
            f"softmax over {classes} classes is no classifier; give 2 classes or more, "
            "or one with activation='sigmoid'"
        )
    entry = get_backbone(backbone)
    top = make_head(head, dense, dropout, batch_normalization)
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
        values = top(base(pixels))
        last = keras.layers.Dense(
            classes,
            activation=activation or ("softmax" if classes > 1 else "sigmoid"),
            name="probabilities",
        )
        return keras.Model(inputs, last(values), name=f"{entry.name}_transfer")
