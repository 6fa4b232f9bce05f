"""The backbones: one registry over `keras.applications`, and SqueezeNet beside it.

An entry knows how a backbone is built, how its input is scaled, the size it was trained at, and
its stages from input to output. A stage is given by the place where it begins in the list of
layers, because many of Keras's own layers are numbered anew in each session (`conv2d_94`):

- `""`: at the first layer;
- `"block2_"`: at the first layer whose name starts so;
- `">mixed8"`: right after the layer of that name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from difflib import get_close_matches

import keras


@dataclass(frozen=True)
class Backbone:
    """What is known of one backbone.

    Attributes:
        name: The name in the registry, such as `"resnet50_v2"`.
        constructor: The name of the class or function in `keras.applications`; for SqueezeNet,
            of ours.
        scaling: The mode of `InputScaling` for its input, or `"inside"` when the backbone scales
            raw pixels itself.
        default_size: Height and width of the pictures that it was trained on, in pixels.
        stages: Where each stage begins, input to output, as described in this module.
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


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _numbered(stage: str, mark: str, numbers: range) -> dict[str, str]:
    return {stage.format(number): mark.format(number) for number in numbers}


_VGG = {"block1": "", **_numbered("block{}", "block{}_", range(2, 6))}
_RESNET = {"conv1": "", **_numbered("conv{}", "conv{}_", range(2, 6))}
_INCEPTION_V3 = {"block0": "", **{f"block{n}": f">mixed{n - 1}" for n in range(1, 11)}}
_INCEPTION_RESNET_V2 = {
    "stem": "",
    "block35": ">mixed_5b",
    "reduction_a": ">block35_10_ac",
    "block17": ">mixed_6a",
    "reduction_b": ">block17_20_ac",
    "block8": ">mixed_7a",
}
_XCEPTION = {"block1": "", **_numbered("block{}", "block{}_", range(2, 15))}
_MOBILENET = {
    "stem": "",
    "block1": ">conv1_relu",
    **{f"block{n}": f">conv_pw_{n - 1}_relu" for n in range(2, 14)},
}
_MOBILENET_V2 = {
    "stem": "",
    "block0": "expanded_conv_",
    **_numbered("block{}", "block_{}_", range(1, 17)),
    "top": "Conv_1",
}
_SQUEEZENET = {"stem": "", **_numbered("fire{}", "fire{}_", range(2, 10))}
_CONVNEXT = {
    "stem": "",
    "stage0": "stage_0_",
    **{f"stage{n}": f"downsampling_block_{n - 1}" for n in range(1, 4)},
}


def _mobilenet_v3(blocks: int) -> dict[str, str]:
    return {
        "stem": "",
        "block0": "expanded_conv_",
        **_numbered("block{}", "expanded_conv_{}_", range(1, blocks)),
        "top": "conv_1",
    }


def _efficientnet(blocks: int) -> dict[str, str]:
    return {"stem": "", **_numbered("block{}", "block{}", range(1, blocks + 1)), "top": "top_"}


def _nasnet(cells: int) -> dict[str, str]:
    # Between the three rows of so many normal cells each stand the two reduction cells.
    return {
        "stem": "",
        "cells1": ">reduction_concat_stem_2",
        "reduction1": f">normal_concat_{cells - 1}",
        "cells2": f">reduction_concat_reduce_{cells}",
        "reduction2": f">normal_concat_{2 * cells}",
        "cells3": f">reduction_concat_reduce_{2 * cells}",
    }


_ENTRIES = (
    Backbone("vgg16", "VGG16", "caffe", (224, 224), _VGG),
    Backbone("vgg19", "VGG19", "caffe", (224, 224), _VGG),
    *(Backbone(f"resnet{n}", f"ResNet{n}", "caffe", (224, 224), _RESNET) for n in (50, 101, 152)),
    *(Backbone(f"resnet{n}_v2", f"ResNet{n}V2", "tf", (224, 224), _RESNET) for n in (50, 101, 152)),
    Backbone("inception_v3", "InceptionV3", "tf", (299, 299), _INCEPTION_V3),
    Backbone("inception_resnet_v2", "InceptionResNetV2", "tf", (299, 299), _INCEPTION_RESNET_V2),
    Backbone("xception", "Xception", "tf", (299, 299), _XCEPTION),
    Backbone("mobilenet", "MobileNet", "tf", (224, 224), _MOBILENET),
    Backbone("mobilenet_v2", "MobileNetV2", "tf", (224, 224), _MOBILENET_V2),
    Backbone(
        "mobilenet_v3_small", "MobileNetV3Small", "inside", (224, 224), _mobilenet_v3(11), True
    ),
    Backbone(
        "mobilenet_v3_large", "MobileNetV3Large", "inside", (224, 224), _mobilenet_v3(15), True
    ),
    *(
        Backbone(f"densenet{n}", f"DenseNet{n}", "torch", (224, 224), _RESNET)
        for n in (121, 169, 201)
    ),
    Backbone("nasnet_mobile", "NASNetMobile", "tf", (224, 224), _nasnet(4)),
    Backbone("nasnet_large", "NASNetLarge", "tf", (331, 331), _nasnet(6)),
    *(
        Backbone(
            f"efficientnet_b{n}", f"EfficientNetB{n}", "inside", (size, size), _efficientnet(7)
        )
        for n, size in enumerate((224, 240, 260, 300, 380, 456, 528, 600))
    ),
    *(
        Backbone(
            f"efficientnet_v2{version.lower()}",
            f"EfficientNetV2{version}",
            "inside",
            (size, size),
            _efficientnet(7 if version in "ML" else 6),
            True,
        )
        for version, size in (
            *(("B0", 224), ("B1", 240), ("B2", 260), ("B3", 300)),
            *(("S", 384), ("M", 480), ("L", 480)),
        )
    ),
    *(
        Backbone(f"convnext_{s.lower()}", f"ConvNeXt{s}", "inside", (224, 224), _CONVNEXT, True)
        for s in ("Tiny", "Small", "Base", "Large", "XLarge")
    ),
    Backbone("squeezenet", "SqueezeNet", "squeezenet", (224, 224), _SQUEEZENET),
)

BACKBONES: dict[str, Backbone] = {entry.name: entry for entry in _ENTRIES}
