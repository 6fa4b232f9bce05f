"""Whole models in one file, `.keras` or the older `.h5`: looked through before Keras loads them."""

from __future__ import annotations

import copy
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import keras

from ..keras_internals import legacy_model_builder
from .allowed_layers import allowed_names, custom_layers, disallowed_object
from .architecture import LONGEST, check_objects, check_sizes, drop_compilation, parse_architecture
from .weight_files import BROKEN, check_weights_file, first_line, promises_too_much

_CONFIG, _WEIGHTS = "config.json", "model.weights.h5"
_MEMBERS = {_CONFIG, _WEIGHTS, "metadata.json"}
# What a file says of compiling: classes that compute, and take no code either.
_COMPILATION = (keras.losses, keras.metrics, keras.optimizers, keras.optimizers.schedules)


def load_model(
    path: str | os.PathLike[str],
    custom_objects: Mapping[str, Any] | None = None,
    compile: bool = True,  # Keras's own name.
) -> keras.Model:
    """Load a model that Keras saved as one file, when nothing in it can run.

    The file is looked through first: only known layers, losses, metrics and optimizers, weights
    that are arrays of its own and fit the layers, and no more memory than its size allows. Then
    Keras loads it in its safe mode.

    Args:
        path: A `.keras` file, or an `.h5` or `.hdf5` file that holds a whole model.
        custom_objects: Your own layers, losses and functions by the names in the file.
        compile: Whether the model is compiled as it was, with its optimizer's state.

    Returns:
        The model.

    Raises:
        FileNotFoundError: When there is no such file.
        ValueError: When the file is damaged, of another kind or unsafe; says why.

    Example:
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> model.save("one.keras")
        >>> load_model("one.keras").count_params()
        3
    """
    file, own = Path(path).expanduser(), dict(custom_objects or {})
    if not file.is_file():
        raise FileNotFoundError(f"there is no model file {file}")
    checks = {".keras": _check_keras, ".h5": _check_hdf5, ".hdf5": _check_hdf5}
    if file.suffix not in checks:
        raise ValueError(f"{file} is no model file: one ends in .keras or .h5")
    try:
        checks[file.suffix](file, own)
        return keras.saving.load_model(
            file, custom_objects={**custom_layers(), **own}, compile=compile, safe_mode=True
        )
    except (*BROKEN, RecursionError, zipfile.BadZipFile, EOFError) as error:
        raise ValueError(f"{file} is no sound model file: {first_line(error)}") from error


def _check_keras(file: Path, own: dict[str, Any]) -> None:
    with zipfile.ZipFile(file) as archive, tempfile.TemporaryDirectory() as folder:
        members = {member.filename: member for member in archive.infolist()}
        strange = sorted(set(members) - _MEMBERS)
        if strange or len(members) < len(archive.infolist()):
            raise ValueError(f"it holds {strange[:3] or 'a part twice'}, which no model has")
        for name in (_CONFIG, _WEIGHTS):
            if name not in members:
                raise ValueError(f"it lacks {name}; cut off perhaps")
        size = sum(member.file_size for member in members.values())
        if promises_too_much(size, file):
            raise ValueError(f"it says it holds {size:,} bytes, far more than its size allows")
        if members[_CONFIG].file_size > LONGEST:
            raise ValueError(f"an architecture of {members[_CONFIG].file_size:,} bytes is not read")
        text = archive.read(_CONFIG).decode("utf-8")
        weights = Path(folder, _WEIGHTS)
        with archive.open(_WEIGHTS) as source, weights.open("wb") as target:
            shutil.copyfileobj(source, target)
        shapes = check_weights_file(weights)
    described = parse_architecture(text)
    check_objects(described, lambda item: _unknown(item, own, by_name=False))
    drop_compilation(described)

    def build() -> keras.Model:
        return keras.saving.deserialize_keras_object(
            copy.deepcopy(described), {**custom_layers(), **own}, safe_mode=True
        )

    check_sizes(build, shapes)


def _check_hdf5(file: Path, own: dict[str, Any]) -> None:
    shapes = check_weights_file(file)
    with h5py.File(file, "r") as content:
        model, training = (content.attrs.get(name) for name in ("model_config", "training_config"))
    if model is None:
        raise ValueError("it holds weights alone; load_weights(model, path) reads those")
    text = _text(model)
    described = parse_architecture(text, ("Functional", "Model", "Sequential"))
    if isinstance(described.get("config"), list):
        raise ValueError(
            "a Keras before 2.2.3 wrote it, whose sequential models Keras 3 cannot build; build "
            "the model anew, and load_weights(model, path) reads its weights from the file"
        )
    parts = [described] if training is None else [described, json.loads(_text(training))]
    for part in parts:
        check_objects(part, lambda item: _unknown(item, own, by_name=True))

    check_sizes(legacy_model_builder(text, {**custom_layers(), **own}), shapes)


def _text(attribute: Any) -> str:
    if not isinstance(attribute, (str, bytes)):
        raise ValueError("its architecture is no text")
    return attribute.decode("utf-8") if isinstance(attribute, bytes) else attribute


def _unknown(item: dict[str, Any], own: dict[str, Any], by_name: bool) -> str | None:
    """Name an object that may not be in a file; older files know classes by name alone."""
    module, name = item.get("module"), item.get("class_name")
    if {name, item.get("registered_name"), _function_name(item)} & set(own):
        return None
    if by_name and module is None and isinstance(name, str):
        return None if name in allowed_names() | _compilation_names() else name
    for each in _COMPILATION:
        if module == each.__name__ and name in _classes(each):
            return None
    return disallowed_object(item)


def _function_name(item: dict[str, Any]) -> str | None:
    return item["config"] if isinstance(item.get("config"), str) else None


def _compilation_names() -> set[str]:
    return set().union(*map(_classes, _COMPILATION))


def _classes(module: Any) -> set[str]:
    return {name for name, value in vars(module).items() if isinstance(value, type)}
