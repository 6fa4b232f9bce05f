"""Safe loading of complete models from one file, `.keras` or the older `.h5`.

Keras's safe mode still imports modules that a file names and allocates what it claims to need.
Here the file is examined first, and only then given to Keras.
"""

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

from ..keras_internals import (
    backend_optimizers,
    kept_compile_config,
    legacy_model_builder,
    load_hdf5_weights,
)
from .allowed_layers import allowed_names, custom_layers, disallowed_object
from .architecture import (
    MAX_LENGTH,
    check_objects,
    check_sizes,
    drop_compilation,
    parse_architecture,
)
from .hdf5_training import compile_arguments, load_optimizer_state
from .keras2.layers import name_modules, update_layers
from .optimizers import OPTIMIZER_CLASSES
from .weight_files import BROKEN, as_sentence, check_weights_file, claims_too_much

_CONFIG, _WEIGHTS = "config.json", "model.weights.h5"
_MEMBERS = {_CONFIG, _WEIGHTS, "metadata.json"}
# Modules whose classes a compile configuration may name; none of them can run code from the file.
_COMPILATION = (keras.losses, keras.metrics, keras.optimizers, keras.optimizers.schedules)


def save_model(
    model: keras.Model,
    path: str | os.PathLike[str],
    overwrite: bool = True,
    include_optimizer: bool = True,
) -> None:
    """Save a model as one file, and leave the model as it was.

    Keras drops the optimizer from what it knows of a model's compilation when it writes HDF5, so
    that the next `.keras` file of the same model lacks it.

    Args:
        model: The model.
        path: A file that ends in `.keras`, `.h5` or `.hdf5`.
        overwrite: Whether to replace an existing file.
        include_optimizer: Whether to save the optimizer's state.

    Raises:
        ValueError: When the name ends otherwise.

    Example:
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> save_model(model, "two.keras")
        >>> load_model("two.keras").count_params()
        3
    """
    with kept_compile_config(model):
        model.save(os.fspath(path), overwrite=overwrite, include_optimizer=include_optimizer)


def load_model(
    path: str | os.PathLike[str],
    custom_objects: Mapping[str, Any] | None = None,
    compile: bool = True,  # Keras's own name.
) -> keras.Model:
    """Load a model that Keras saved as one file, unless the file could run code.

    The file is examined first: it may contain only allowed layers, losses, metrics and optimizers,
    numeric arrays that fit the layers, and no more data than its size allows. Then Keras loads it
    in safe mode.

    Args:
        path: A `.keras` file, or an `.h5` or `.hdf5` file that holds a complete model. Where the
            name ends otherwise, the content decides.
        custom_objects: Your own layers, losses and functions by the names in the file.
        compile: Whether to compile the model as it was saved, with its optimizer's state.

    Returns:
        The model.

    Raises:
        FileNotFoundError: When the file does not exist.
        ValueError: When the file is damaged, of another kind or unsafe; the message says why.

    Example:
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> model.save("one.keras")
        >>> load_model("one.keras").count_params()
        3
    """
    file, custom = Path(path).expanduser(), dict(custom_objects or {})
    if not file.is_file():
        raise FileNotFoundError(f"Model file {file} does not exist.")
    loaders = {".keras": _load_keras, ".h5": _load_hdf5, ".hdf5": _load_hdf5}
    # Checkpoints of Keras 2 have any name.
    kind = file.suffix if file.suffix in loaders else _kind_of_content(file)
    if kind is None:
        raise ValueError(f"Expected a model file that ends in .keras or .h5. Received: {file}.")
    try:
        return loaders[kind](file, custom, compile)
    except (*BROKEN, RecursionError, zipfile.BadZipFile, EOFError) as error:
        raise ValueError(f"{file} is not a valid model file. {as_sentence(error)}") from error


def _kind_of_content(file: Path) -> str | None:
    if zipfile.is_zipfile(file):
        return ".keras"
    return ".h5" if h5py.is_hdf5(file) else None


def _load_keras(file: Path, custom: dict[str, Any], compile: bool) -> keras.Model:
    with zipfile.ZipFile(file) as archive, tempfile.TemporaryDirectory() as folder:
        members = {member.filename: member for member in archive.infolist()}
        unexpected = sorted(set(members) - _MEMBERS)
        if unexpected:
            raise ValueError(
                f"Expected an archive of {', '.join(sorted(_MEMBERS))} only. "
                f"Received also: {unexpected[:3]}."
            )
        if len(members) < len(archive.infolist()):
            raise ValueError("A member of the archive occurs twice.")
        for name in (_CONFIG, _WEIGHTS):
            if name not in members:
                raise ValueError(f"The archive has no {name}; it may be truncated.")
        size = sum(member.file_size for member in members.values())
        if claims_too_much(size, file):
            raise ValueError(
                f"The archive claims to hold {size:,} bytes, far more than its size allows."
            )
        if members[_CONFIG].file_size > MAX_LENGTH:
            raise ValueError(
                f"Expected an architecture of at most {MAX_LENGTH:,} bytes. "
                f"Received: {members[_CONFIG].file_size:,} bytes."
            )
        text = archive.read(_CONFIG).decode("utf-8")
        weights = Path(folder, _WEIGHTS)
        with archive.open(_WEIGHTS) as source, weights.open("wb") as target:
            shutil.copyfileobj(source, target)
        shapes = check_weights_file(weights)
    described = parse_architecture(text)
    if compile:
        _check_backend(described.get("compile_config"))
    else:
        described.pop("compile_config", None)  # Keras does not read it either.
    check_objects(described, lambda item: _disallowed(item, custom, by_name=False))
    drop_compilation(described)

    def build() -> keras.Model:
        return keras.saving.deserialize_keras_object(
            copy.deepcopy(described), {**custom_layers(), **custom}, safe_mode=True
        )

    check_sizes(build, shapes)
    return keras.saving.load_model(
        file, custom_objects={**custom_layers(), **custom}, compile=compile, safe_mode=True
    )


def _check_backend(compilation: Any) -> None:
    """Refuse an optimizer of another backend, whose library may not even be installed."""
    optimizer = compilation.get("optimizer") if isinstance(compilation, dict) else None
    if not isinstance(optimizer, dict):
        return
    module, name = str(optimizer.get("module")), optimizer.get("class_name")
    if module.startswith("keras.src.backend.") and (module, name) not in backend_optimizers():
        raise ValueError(
            f"Expected an optimizer of the {keras.backend.backend()} backend. Received: "
            f"{module}.{name}, saved on another backend. Pass compile=False to load the model "
            "without its optimizer, then compile it."
        )


def _load_hdf5(file: Path, custom: dict[str, Any], compile: bool) -> keras.Model:
    shapes = check_weights_file(file)
    with h5py.File(file, "r") as content:
        model = _build_hdf5(content, custom, shapes)
        load_hdf5_weights(model, content["model_weights"])
        if compile and "training_config" in content.attrs:
            _compile_hdf5(model, content, custom)
    return model


def _build_hdf5(
    content: h5py.File, custom: dict[str, Any], shapes: list[tuple[int, ...]]
) -> keras.Model:
    text = content.attrs.get("model_config")
    if text is None:
        raise ValueError(
            "The file contains only weights. Build the model and call load_weights(model, path)."
        )
    described = parse_architecture(_text(text), ("Functional", "Model", "Sequential"))
    if _version(content).startswith("1."):
        raise ValueError(
            "The file was written by Keras 1, whose layers Keras 3 cannot build. Build the model "
            "in code and call load_weights(model, path)."
        )
    if not _version(content).startswith("3."):
        update_layers(described, custom)
    name_modules(described)
    check_objects(described, lambda item: _disallowed(item, custom, by_name=True))
    build = legacy_model_builder(json.dumps(described), {**custom_layers(), **custom})
    check_sizes(build, shapes)
    return build()


def _compile_hdf5(model: keras.Model, content: h5py.File, custom: dict[str, Any]) -> None:
    try:
        training = json.loads(_text(content.attrs["training_config"]))
        outputs = getattr(model, "output_names", [])
        model.compile(**compile_arguments(training, outputs, custom))
        keras_3 = _version(content).startswith("3.")
        load_optimizer_state(model, content, None if keras_3 else training["optimizer_config"])
    except (*BROKEN, RecursionError) as error:
        raise ValueError(
            f"The file's optimizer, loss and metrics cannot be used. {as_sentence(error)} Pass "
            "compile=False to load the model without them, or your own in custom_objects."
        ) from error


def _version(content: h5py.File) -> str:
    """Return the version of Keras that wrote a file; empty when it does not say."""
    places = [content, content["model_weights"]] if "model_weights" in content else [content]
    versions = [place.attrs["keras_version"] for place in places if "keras_version" in place.attrs]
    return _text(versions[0]) if versions else ""


def _text(attribute: Any) -> str:
    if not isinstance(attribute, (str, bytes)):
        raise ValueError("The description in the file is not text.")
    return attribute.decode("utf-8") if isinstance(attribute, bytes) else attribute


def _disallowed(item: dict[str, Any], custom: dict[str, Any], by_name: bool) -> str | None:
    """Return the name of an object that a model file may not contain, None for others.

    Args:
        item: The object as saved.
        custom: The user's own objects by name, which are allowed.
        by_name: Whether the file's format names classes without their module, as HDF5 files do.
    """
    module, name = item.get("module"), item.get("class_name")
    if {name, item.get("registered_name"), _function_name(item)} & set(custom):
        return None
    if by_name and module is None and isinstance(name, str):
        return None if name in allowed_names() else name
    for public_module in _COMPILATION:
        if module == public_module.__name__ and name in _class_names(public_module):
            return None
    ours = OPTIMIZER_CLASSES.get(str(item.get("registered_name")))
    if ours is not None and name == ours.__name__:
        return None
    if (module, name) in backend_optimizers() and item.get("registered_name") in (None, name):
        return None
    return disallowed_object(item)


def _function_name(item: dict[str, Any]) -> str | None:
    return item["config"] if isinstance(item.get("config"), str) else None


def _class_names(module: Any) -> set[str]:
    return {name for name, value in vars(module).items() if isinstance(value, type)}
