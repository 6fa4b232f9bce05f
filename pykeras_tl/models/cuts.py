"""Where the published studies cut their backbones, as names in place of their Keras 2 indices."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cut:
    """A place in a backbone from which on it was trained.

    Attributes:
        layers: Layers in the backbone's list in Keras 2, without classifier.
        index: The published index of the first trained layer in that list, from 0.
        name: The name of that layer, for `unfreeze_weights(model, from_=name)`.
    """

    layers: int
    index: int
    name: str


# In today's Keras without pretrained weights, every list has the same length and each name stands
# at the same index. EfficientNetB0 with ImageNet's weights has one layer more before the stem, so
# that its index is one higher: the name is what counts. The publication counts InceptionV3's last
# layer as 311; its list of 311 layers ends with 310.
CATS_AND_DOGS: dict[str, Cut] = {
    "efficientnet_b0": Cut(237, 160, "block5c_drop"),
    "inception_v3": Cut(311, 248, "mixed8"),
    "inception_resnet_v2": Cut(780, 630, "block8_1_mixed"),
    "resnet50": Cut(175, 143, "conv5_block1_1_conv"),
    "vgg16": Cut(19, 15, "block5_conv1"),
    "xception": Cut(132, 126, "block14_sepconv1"),
}
# The last 50 layers of NASNetMobile; the first of them with weights are those of its last cell.
HISTOLOGY: dict[str, Cut] = {"nasnet_mobile": Cut(769, 719, "normal_add_3_11")}
