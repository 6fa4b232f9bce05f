"""Safe loading of weights files, which users download from anywhere.

Every file is examined before Keras reads it: links to other files, objects that are not numeric
arrays, and sizes that would exhaust the memory are refused with a reason. HDF5 itself would follow
such links and allocate whatever a file claims to hold.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import keras

from ..keras_internals import hdf5_names, load_hdf5_weights, load_hdf5_weights_by_name

# Weights hardly compress, so a file that claims to hold much more than its own size is a bomb.
_MAX_EXPANSION = 20
_SMALL = 1 << 26
_MAX_OBJECTS = 20_000
# What h5py and Keras raise for broken content.
BROKEN = (
    OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError, IndexError,
    OverflowError, MemoryError, NotImplementedError,
)  # fmt: skip


class _RefusedError(ValueError):
    """A readable weights file that is refused as unsafe."""


def save_weights(model: keras.Model, path: str | os.PathLike[str], overwrite: bool = True) -> None:
    """Save a model's weights under any name, such as Keras 2's `best.hdf5`.

    Keras 3 itself writes only to names that end in `.weights.h5`.

    Args:
        model: A built model.
        path: The file. It holds HDF5, whatever its name.
        overwrite: Whether to replace an existing file.

    Raises:
        FileExistsError: If the file exists and is not to be replaced.
        OSError: If it cannot be written.

    Example:
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> save_weights(model, "best.hdf5")
        >>> load_weights(model, "best.hdf5")
    """
    if not overwrite and Path(path).exists():
        raise FileExistsError(f"{os.fspath(path)} exists. Use overwrite=True, or another name.")
    save_under(path, (".weights.h5",), model.save_weights)


def save_under(
    path: str | os.PathLike[str], endings: tuple[str, ...], save: Callable[[str], Any]
) -> None:
    """Save a file under any name by a function that accepts certain endings only.

    Args:
        path: The file.
        endings: What the function accepts; other files have the last one while they are written.
        save: Writes the file whose name it is given.

    Example:
        >>> save_under("notes", (".md", ".txt"), lambda name: Path(name).write_text(name))
        >>> Path("notes").read_text()
        'notes.txt'
    """
    name = os.fspath(path)
    if name.endswith(endings):
        save(name)
        return
    save(name + endings[-1])
    Path(name + endings[-1]).replace(name)


def load_weights(model: keras.Model, path: str | os.PathLike[str]) -> None:
    """Load a model's weights from a file, after checking the file.

    Args:
        model: A built model; its weights are replaced.
        path: Keras's `.weights.h5`, or the older `.h5`.

    Raises:
        FileNotFoundError: When the file does not exist.
        ValueError: When it is not a weights file, is truncated or unsafe, or does not fit the
            model.

    Example:
        >>> import tempfile
        >>> dense = keras.layers.Dense(1, bias_initializer="ones")
        >>> path = Path(tempfile.mkdtemp()) / "one.weights.h5"
        >>> keras.Sequential([keras.Input((2,)), dense]).save_weights(path)
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> load_weights(model, path)
        >>> model.get_weights()[1].tolist()
        [1.0]
    """
    stored = Counter(check_weights_file(path))
    missing = Counter(tuple(weight.shape) for weight in model.weights) - stored
    if missing:
        shapes = ", ".join(map(str, list(missing)[:3]))
        raise ValueError(
            f"The weights in {os.fspath(path)} do not fit model {model.name!r}. "
            f"Expected {len(model.weights)} arrays. Received: {stored.total()} arrays, "
            f"without those of shape {shapes}. Check that the file was saved from the same "
            "architecture."
        )
    try:
        _load_checked(model, path)
    except BROKEN as error:
        raise ValueError(
            f"The weights in {os.fspath(path)} do not fit model {model.name!r}. "
            f"{as_sentence(error)}"
        ) from error


def load_weights_by_name(
    model: keras.Model, path: str | os.PathLike[str], skip_mismatch: bool = False
) -> None:
    """Load the weights of the layers whose names are in a file, after checking the file.

    Layers whose names the file does not have keep their weights. The layers of a nested model
    belong to it.

    Args:
        model: A built model.
        path: Keras's `.weights.h5`, or the older `.h5`.
        skip_mismatch: Whether layers with weights of another shape keep theirs.

    Raises:
        FileNotFoundError: When the file does not exist.
        ValueError: When it is not a weights file, is truncated or unsafe, or a layer does not fit.

    Example:
        >>> import tempfile
        >>> dense = keras.layers.Dense(1, bias_initializer="ones", name="first")
        >>> path = Path(tempfile.mkdtemp()) / "one.weights.h5"
        >>> keras.Sequential([keras.Input((2,)), dense]).save_weights(path)
        >>> layers = [keras.layers.Dense(1, name="first"), keras.layers.Dense(1)]
        >>> model = keras.Sequential([keras.Input((2,)), *layers])
        >>> load_weights_by_name(model, path)
        >>> [float(weights[0]) for weights in model.get_weights()[1::2]]
        [1.0, 0.0]
    """
    check_weights_file(path)
    with h5py.File(path, "r") as file:
        group = file.get("model_weights", file)
        if hdf5_names(group, "layer_names"):
            load_hdf5_weights_by_name(model, group, skip_mismatch)
            return
        # The layers are in groups by their class: those of the file replace those of the model.
        with tempfile.TemporaryDirectory() as folder:
            merged = Path(folder, "merged.weights.h5")
            model.save_weights(merged)
            with h5py.File(merged, "a") as own:
                given = _layer_groups(file)
                for name, group in _layer_groups(own).items():
                    source = given.get(name)
                    if source is None:
                        continue
                    if _shapes(source) == _shapes(group):
                        location = group.name
                        del own[location]
                        file.copy(source, own, location)
                    elif not skip_mismatch:
                        raise ValueError(
                            f"Layer {name!r} has other weights in {os.fspath(path)}. Expected "
                            f"arrays of shapes {_shapes(group)}. Received: {_shapes(source)}. "
                            "skip_mismatch keeps the weights of such layers."
                        )
            model.load_weights(merged)


def _layer_groups(file: h5py.File) -> dict[str, h5py.Group]:
    groups = [group for group in file.get("layers", {}).values() if "vars" in group]
    return {group["vars"].attrs.get("name"): group for group in groups}


def _shapes(group: h5py.Group) -> list[tuple[int, ...]]:
    return [array.shape for array in _arrays(group)]


def _load_checked(model: keras.Model, path: str | os.PathLike[str]) -> None:
    with h5py.File(path, "r") as file:
        group = file.get("model_weights", file)
        if hdf5_names(group, "layer_names"):
            # Keras chooses by the file's name, but older versions wrote this layout under any.
            try:
                load_hdf5_weights(model, group)
            except ValueError as error:
                raise ValueError(
                    f"{as_sentence(error)} The file lists the weights of frozen layers last, so "
                    "set trainable of all layers as it was when the file was saved, then load."
                ) from error
            return
    if os.fspath(path).endswith(".weights.h5"):
        model.load_weights(os.fspath(path))
        return
    # Keras wants this ending; checkpoints have any.
    with tempfile.TemporaryDirectory() as folder:
        copy = shutil.copyfile(path, Path(folder, "copy.weights.h5"))
        model.load_weights(copy)


def check_weights_file(path: str | os.PathLike[str]) -> list[tuple[int, ...]]:
    """Check a weights file without reading its arrays.

    Args:
        path: An HDF5 file of weights.

    Returns:
        The shapes of its arrays, in the file's order.

    Raises:
        FileNotFoundError: When the file does not exist.
        ValueError: When it is not a complete HDF5 file, links to other files, holds anything but
            numbers, or claims to hold far more than its size allows.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "weights.h5"
        >>> with h5py.File(path, "w") as file:
        ...     file["kernel"] = [[1.0, 2.0]]
        >>> check_weights_file(path)
        [(1, 2)]
    """
    weights_file = Path(path)
    if not weights_file.is_file():
        raise FileNotFoundError(f"Weights file {weights_file} does not exist.")
    if weights_file.suffix not in (".h5", ".hdf5") and not h5py.is_hdf5(weights_file):
        raise ValueError(
            f"Expected a weights file that ends in .weights.h5 or .h5. Received: {weights_file}."
        )
    try:
        with h5py.File(weights_file, "r") as file:
            arrays = [(array.shape, array.nbytes) for array in _arrays(file)]
    except _RefusedError:
        raise
    except BROKEN as error:
        raise ValueError(
            f"{weights_file} is not a complete HDF5 file; it may be truncated. {as_sentence(error)}"
        ) from error
    size = sum(array_bytes for _, array_bytes in arrays)
    if claims_too_much(size, weights_file):
        raise ValueError(
            f"{weights_file} claims to hold {size:,} bytes of weights in a file of "
            f"{weights_file.stat().st_size:,} bytes. It is refused, because reading it could "
            "exhaust the memory."
        )
    return [shape for shape, _ in arrays]


def claims_too_much(size: int, file: Path) -> bool:
    """Detect a decompression bomb: a file that claims to hold far more than weights compress to.

    Args:
        size: Bytes that the file claims to hold.
        file: The file.

    Returns:
        Whether that is more than 64 MiB and more than 20 times the file's size.

    Example:
        >>> file = Path(h5py.__file__)
        >>> claims_too_much(1000, file), claims_too_much(1 << 40, file)
        (False, True)
    """
    return size > max(_SMALL, _MAX_EXPANSION * file.stat().st_size)


def _arrays(file: h5py.Group) -> Iterator[h5py.Dataset]:
    # Groups are walked by hand: an external link would open another file, and a group that is
    # linked into itself has no end.
    groups, objects = [file], 0
    while groups:
        group = groups.pop()
        for name in group:
            objects += 1
            location = f"{group.name.rstrip('/')}/{name} in {file.file.filename}"
            if objects > _MAX_OBJECTS:
                raise _RefusedError(
                    f"{file.file.filename} holds too many objects for a weights file: more than "
                    f"{_MAX_OBJECTS:,}."
                )
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise _RefusedError(
                    f"{location} is a link. A weights file must hold its own arrays."
                )
            item = group[name]
            if isinstance(item, h5py.Group):
                groups.append(item)
                continue
            if not isinstance(item, h5py.Dataset) or item.dtype.kind not in "fiub":
                raise _RefusedError(f"{location} is not an array of numbers.")
            if item.is_virtual or item.external:
                raise _RefusedError(
                    f"{location} takes its values from another file. A weights file must hold its "
                    "own arrays."
                )
            yield item


def as_sentence(error: BaseException) -> str:
    """Return an error's message as a sentence, to be quoted in another message.

    Args:
        error: The error.

    Returns:
        The first line of its message, capitalized and with a full stop unless it has one; its class
        name where it has no message.

    Example:
        >>> as_sentence(OSError("unable to open file"))
        'Unable to open file.'
        >>> as_sentence(KeyError("layers"))
        "The key 'layers' is missing."
    """
    if isinstance(error, KeyError) and len(error.args) == 1 and str(error.args[0]).isidentifier():
        return f"The key {error} is missing."
    line = (str(error).strip() or type(error).__name__).splitlines()[0].strip()
    if line.endswith((".", "!", "?")):
        return line
    # A message that begins with a path keeps it as it is.
    if line.split(maxsplit=1)[0].isalpha():
        line = line[0].upper() + line[1:]
    return f"{line.rstrip(':;,')}."
