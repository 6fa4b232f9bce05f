"""The backbones: one registry over `keras.applications`, and SqueezeNet beside it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

import keras
import numpy as np

from ..saving.weight_files import load_weights, refused_download
from ..seeding import seed_initializers
from . import stages as stages
from .squeezenet import SqueezeNet

# EfficientNet's published files hold these, ImageNet's deviations, where its variances belong.
_DEVIATIONS = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Backbone:
    """What is known of one backbone.

    Attributes:
        name: The name in the registry, such as `"resnet50_v2"`.
        constructor: The name of the class or function in `keras.applications`; for SqueezeNet,
            of ours.
        scaling: The mode of `InputScaling` for its input, or `"inside"` when the backbone scales
            raw pixels itself.
        default_size: Height and width of the images that it was trained on, in pixels.
        stages: Where each stage begins, input to output, as `backbone_stages` describes it.
        scaling_is_optional: Whether the scaling inside can be left out by the constructor's
            `include_preprocessing`.
    """

    name: str
    constructor: str
    scaling: str
    default_size: tuple[int, int]
    stages: dict[str, str] = field(repr=False)
    scaling_is_optional: bool = field(default=False, repr=False)

    def stage_layers(self, model: keras.Model) -> dict[str, tuple[str, str]]:
        """Find the first and the last layer of each stage in a backbone that was built.

        Args:
            model: The backbone, as `keras.applications` builds it.

        Returns:
            Names of the first and the last layer by stage, from input to output. Together the
            stages hold every layer of the model once.

        Raises:
            ValueError: When the model lacks a layer at which a stage begins.

        Example:
            >>> import keras
            >>> model = keras.applications.VGG16(weights=None, include_top=False)
            >>> get_backbone("vgg16").stage_layers(model)["block5"]
            ('block5_conv1', 'block5_pool')
        """
        names = [layer.name for layer in model.layers]
        # ConvNeXt puts the model's name before each layer's.
        plain = [name.removeprefix(f"{model.name}_") for name in names]
        begins = [self._position(mark, plain) for mark in self.stages.values()]
        ends = [*begins[1:], len(names)]
        if any(first >= end for first, end in zip(begins, ends)):
            raise ValueError(f"the layers of model {model.name!r} are not those of {self.name}")
        return {
            stage: (names[first], names[end - 1])
            for stage, first, end in zip(self.stages, begins, ends)
        }

    def _position(self, mark: str, names: list[str]) -> int:
        after = mark.startswith(">")
        for index, name in enumerate(names):
            if name == mark[1:] if after else name.startswith(mark):
                return index + after
        raise ValueError(f"{self.name} has no layer {mark.removeprefix('>')!r} to begin a stage at")


def get_backbone(name: str) -> Backbone:
    """Look a backbone up by name; upper case, `_` and `-` do not count.

    Args:
        name: Such as `"vgg16"`, `"ResNet50V2"` or `"efficientnet_b0"`.

    Returns:
        Its entry in the registry.

    Raises:
        ValueError: When there is none of that name; names the nearest.

    Example:
        >>> get_backbone("ResNet50V2").default_size
        (224, 224)
    """
    known = {_plain(key): key for key in BACKBONES}
    if _plain(name) in known:
        return BACKBONES[known[_plain(name)]]
    near = [known[key] for key in get_close_matches(_plain(name), known, n=3)]
    choice = ", ".join(near or BACKBONES)
    raise ValueError(f"there is no backbone {name!r}; {'near' if near else 'known'} are: {choice}")


def backbone_of(model: keras.Model) -> Backbone | None:
    """Tell which backbone a model is, by the name that Keras gives it.

    Args:
        model: Any model.

    Returns:
        The entry, or None when the model is no known backbone.

    Example:
        >>> import keras
        >>> backbone_of(keras.applications.MobileNet(weights=None, alpha=0.25)).name
        'mobilenet'
    """
    # MobileNet's carries its width and size: mobilenet_0.25_224.
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
            on, in colour.
        weights: `"imagenet"` to have Keras download them; the path of a weights file without the
            classifier, Keras's own `.h5` or a `.weights.h5`; or None for random weights.
        pooling: `"avg"` or `"max"` for one vector an image; None for the last feature maps.
        seed: The seed of random weights.
        **options: What else the constructor takes, such as MobileNet's `alpha`.

    Returns:
        The model, not compiled; its input is scaled as the registry's `scaling` says.

    Raises:
        FileNotFoundError: When there is no such weights file, or the download is refused; says
            what to fetch, from where, and where to put it.
        ValueError: When there is no such backbone, the weights do not fit, or Keras refuses the
            shape.

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
        model = _constructor(entry)(weights=None, **options)
    if weights is not None:
        load_weights(model, weights)
        _correct_variances(model)
    return model


def _constructor(entry: Backbone) -> Any:
    return getattr(keras.applications, entry.constructor, SqueezeNet)


def _build_pretrained(entry: Backbone, options: dict[str, Any]) -> keras.Model:
    try:
        return _constructor(entry)(weights="imagenet", **options)
    except Exception as error:  # Keras raises a bare one for a download that failed.
        refused = refused_download(error, entry.name)
        if refused is None:
            raise
        raise refused from error


def _correct_variances(model: keras.Model) -> None:
    # With weights="imagenet" Keras makes up for EfficientNet's variances by a layer of its own,
    # which a path does not give: tensorflow/tensorflow#49930.
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
)

BACKBONES: dict[str, Backbone] = {entry.name: entry for entry in _ENTRIES}
