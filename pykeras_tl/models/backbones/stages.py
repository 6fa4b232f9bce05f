"""The stages of each family of backbones, from input to output.

Many of Keras's own layer names contain a number that depends on what was built before in the
session (`conv2d_94`), so that a stage cannot be listed by its layers. It is defined by where it
begins in the list of layers:

- `""`: at the first layer;
- `"block2_"`: at the first layer whose name starts with this text;
- `">mixed8"`: immediately after the layer of that name.
"""

from __future__ import annotations


def _numbered(stage: str, mark: str, numbers: range) -> dict[str, str]:
    return {stage.format(number): mark.format(number) for number in numbers}


VGG = {"block1": "", **_numbered("block{}", "block{}_", range(2, 6))}
RESNET = {"conv1": "", **_numbered("conv{}", "conv{}_", range(2, 6))}
INCEPTION_V3 = {"block0": "", **{f"block{n}": f">mixed{n - 1}" for n in range(1, 11)}}
INCEPTION_RESNET_V2 = {
    "stem": "",
    "block35": ">mixed_5b",
    "reduction_a": ">block35_10_ac",
    "block17": ">mixed_6a",
    "reduction_b": ">block17_20_ac",
    "block8": ">mixed_7a",
}
XCEPTION = {"block1": "", **_numbered("block{}", "block{}_", range(2, 15))}
MOBILENET = {
    "stem": "",
    "block1": ">conv1_relu",
    **{f"block{n}": f">conv_pw_{n - 1}_relu" for n in range(2, 14)},
}
MOBILENET_V2 = {
    "stem": "",
    "block0": "expanded_conv_",
    **_numbered("block{}", "block_{}_", range(1, 17)),
    "top": "Conv_1",
}
SQUEEZENET = {"stem": "", **_numbered("fire{}", "fire{}_", range(2, 10))}
EFFICIENTNET_LITE = {"stem": "", **_numbered("block{}", "block{}", range(1, 8))}
CONVNEXT = {
    "stem": "",
    "stage0": "stage_0_",
    **{f"stage{n}": f"downsampling_block_{n - 1}" for n in range(1, 4)},
}


def mobilenet_v3(blocks: int) -> dict[str, str]:
    """Return the stages of a MobileNetV3.

    Args:
        blocks: Number of its inverted residual blocks, including the first.

    Returns:
        Where each stage begins.

    Example:
        >>> list(mobilenet_v3(11))[-2:]
        ['block10', 'top']
    """
    return {
        "stem": "",
        "block0": "expanded_conv_",
        **_numbered("block{}", "expanded_conv_{}_", range(1, blocks)),
        "top": "conv_1",
    }


def efficientnet(blocks: int) -> dict[str, str]:
    """Return the stages of an EfficientNet of either version.

    Args:
        blocks: Number of its groups of blocks.

    Returns:
        Where each stage begins.

    Example:
        >>> efficientnet(2)
        {'stem': '', 'block1': 'block1', 'block2': 'block2', 'top': 'top_'}
    """
    return {"stem": "", **_numbered("block{}", "block{}", range(1, blocks + 1)), "top": "top_"}


def nasnet(cells: int) -> dict[str, str]:
    """Return the stages of a NASNet.

    Args:
        cells: Number of normal cells in each of its three groups.

    Returns:
        Where each stage begins.

    Example:
        >>> nasnet(4)["reduction1"]
        '>normal_concat_3'
    """
    # A reduction cell separates one group of normal cells from the next.
    return {
        "stem": "",
        "cells1": ">reduction_concat_stem_2",
        "reduction1": f">normal_concat_{cells - 1}",
        "cells2": f">reduction_concat_reduce_{cells}",
        "reduction2": f">normal_concat_{2 * cells}",
        "cells3": f">reduction_concat_reduce_{2 * cells}",
    }
