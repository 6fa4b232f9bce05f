"""Reading weight files, which come from anywhere: checked first, and refused with a reason."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import h5py
import keras

from ..keras_internals import download_arguments

# Weights hardly compress. A file that says it holds much more than its own size is a bomb.
_MOST_EXPANSION = 20
_SMALL = 1 << 26
_MOST_OBJECTS = 20_000
# What h5py and Keras raise for broken content.
BROKEN = (
    OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError, IndexError,
    OverflowError, MemoryError, NotImplementedError,
)  # fmt: skip


class _RefusedError(ValueError):
    """A weights file that is readable and not to be read."""


def load_weights(model: keras.Model, path: str | os.PathLike[str]) -> None:
    """Load a model's weights from a file after a look at what the file holds.

    Args:
        model: A built model; its weights are replaced.
        path: Keras's `.weights.h5`, or the older `.h5`.

    Raises:
        FileNotFoundError: When there is no such file.
        ValueError: When it is no such file, is cut off or unsafe, or when the weights do not fit
            the model.

    Example:
        >>> import tempfile
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> path = Path(tempfile.mkdtemp()) / "one.weights.h5"
        >>> model.save_weights(path)
        >>> load_weights(model, path)
    """
    held = Counter(check_weights_file(path))
    missing = Counter(tuple(weight.shape) for weight in model.weights) - held
    if missing:
        shapes = ", ".join(map(str, list(missing)[:3]))
        raise ValueError(
            f"the weights in {os.fspath(path)} do not fit {model.name}: the file has "
            f"{held.total()} arrays, the model {len(model.weights)}, among them some of shape "
            f"{shapes} that the file lacks"
        )
    try:
        model.load_weights(os.fspath(path))
    except BROKEN as error:
        raise ValueError(
            f"the weights in {os.fspath(path)} do not fit {model.name}: {first_line(error)}"
        ) from error


def check_weights_file(path: str | os.PathLike[str]) -> list[tuple[int, ...]]:
    """Look into a weight file without reading its arrays.

    Args:
        path: An HDF5 file of weights.

    Returns:
        The shapes of its arrays, in the file's order.

    Raises:
        FileNotFoundError: When there is no such file.
        ValueError: When it is no whole HDF5 file, points outside of itself, holds anything but
            numbers, or says it holds far more than its size allows.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "weights.h5"
        >>> with h5py.File(path, "w") as file:
        ...     file["kernel"] = [[1.0, 2.0]]
        >>> check_weights_file(path)
        [(1, 2)]
    """
    file_name = Path(path)
    if not file_name.is_file():
        raise FileNotFoundError(f"there is no weights file {file_name}")
    if file_name.suffix not in (".h5", ".hdf5"):
        raise ValueError(f"{file_name} is no weights file: one ends in .weights.h5 or .h5")
    try:
        with h5py.File(file_name, "r") as file:
            arrays = [(array.shape, array.nbytes) for array in _arrays(file)]
    except _RefusedError:
        raise
    except BROKEN as error:
        raise ValueError(
            f"{file_name} is no whole HDF5 file, cut off perhaps: {first_line(error)}"
        ) from error
    size = sum(count for _, count in arrays)
    if promises_too_much(size, file_name):
        raise ValueError(
            f"{file_name} says it holds {size:,} bytes of weights in a file of "
            f"{file_name.stat().st_size:,}; it is not read"
        )
    return [shape for shape, _ in arrays]


def promises_too_much(size: int, file: Path) -> bool:
    """Tell a bomb: a file that says it holds far more than weights can be compressed from.

    Args:
        size: Bytes that the file says it holds.
        file: The file.

    Returns:
        Whether they are more than its own size allows.

    Example:
        >>> promises_too_much(1000, Path(h5py.__file__))
        False
    """
    return size > max(_SMALL, _MOST_EXPANSION * file.stat().st_size)


def refused_download(error: BaseException, name: str) -> FileNotFoundError | None:
    """Say what to do when Keras could not download a backbone's weights.

    Args:
        error: What Keras raised.
        name: The backbone.

    Returns:
        An error that names the file, its address and where to put it; None when the error did
        not come out of a download.

    Example:
        >>> refused_download(ValueError("something else"), "vgg16") is None
        True
    """
    asked = download_arguments(error)
    if asked is None:
        return None
    address, place = asked["origin"], Path(asked["datadir"], asked["fname"])
    return FileNotFoundError(
        f"the ImageNet weights of {name} could not be downloaded ({first_line(error)}). "
        f"Fetch {address} by other means and give the file as weights=PATH, "
        f"or put it at {place}; weights=None starts from random weights"
    )


def _arrays(file: h5py.File) -> Iterator[h5py.Dataset]:
    # Links are followed by hand: an outside link would open another file, and a group that is
    # linked into itself has no end.
    groups, seen = [file["/"]], 0
    while groups:
        group = groups.pop()
        for name in group:
            seen += 1
            place = f"{file.filename}: {group.name.rstrip('/')}/{name}"
            if seen > _MOST_OBJECTS:
                raise _RefusedError(f"{file.filename} holds too many things for a weights file")
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise _RefusedError(
                    f"{place} points elsewhere; a weights file holds its own arrays"
                )
            item = group[name]
            if isinstance(item, h5py.Group):
                groups.append(item)
                continue
            if not isinstance(item, h5py.Dataset) or item.dtype.kind not in "fiub":
                raise _RefusedError(f"{place} is no array of numbers")
            if item.is_virtual or item.external:
                raise _RefusedError(f"{place} takes its numbers from another file; it is not read")
            yield item


def first_line(error: BaseException) -> str:
    """Give what an error says, shortened for another's text.

    Args:
        error: The error.

    Returns:
        Its first line, without the full stop; its kind where it says nothing.

    Example:
        >>> first_line(ValueError("a file is damaged."))
        'a file is damaged'
    """
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
