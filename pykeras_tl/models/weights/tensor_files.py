"""Reads named arrays from files that other libraries than Keras write."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np

from ..saving.weight_files import as_sentence
from .torch_files import read_torch_file

_TORCH = (".pth", ".pt", ".bin")
_SAFETENSORS = ".safetensors"
_MOST_JSON = 1 << 20


def holds_tensors(path: str | os.PathLike[str]) -> bool:
    """Tell by its name whether `read_tensors` reads a file or folder.

    Args:
        path: The file or folder.

    Returns:
        Whether it does.

    Example:
        >>> holds_tensors("model.safetensors"), holds_tensors("model.weights.h5")
        (True, False)
    """
    return Path(path).suffix in (*_TORCH, _SAFETENSORS) or Path(path).is_dir()


def read_tensors(
    path: str | os.PathLike[str], *, architecture: str | None = None
) -> dict[str, np.ndarray]:
    """Read the tensors of a torch file, a safetensors file, or a folder that timm has written.

    Args:
        path: A torch file of the older kind (`.pth`), a `.safetensors` file, or a folder with
            `model.safetensors` and timm's `config.json`.
        architecture: How timm's name of the network begins. A `config.json` beside the tensors
            that names another is refused.

    Returns:
        The tensors by name.

    Raises:
        FileNotFoundError: When the file does not exist.
        ImportError: When the package `safetensors` is needed and not installed.
        ValueError: When the file is damaged or unsafe, is a KerasHub preset, or belongs to another
            network.

    Example:
        >>> read_tensors("gone.safetensors")
        Traceback (most recent call last):
        ...
        FileNotFoundError: Weights file gone.safetensors does not exist.
    """
    file = Path(path)
    if file.is_dir():
        file = file / f"model{_SAFETENSORS}"
    if architecture is not None:
        _check_architecture(file.parent / "config.json", architecture)
    if not file.is_file():
        raise FileNotFoundError(f"Weights file {file} does not exist.")
    return _read_safetensors(file) if file.suffix == _SAFETENSORS else read_torch_file(file)


def _read_safetensors(file: Path) -> dict[str, np.ndarray]:
    try:
        from safetensors import SafetensorError
        from safetensors.numpy import load_file
    except ImportError as error:
        raise ImportError(
            f"Reading {file} needs the package safetensors. Install it: "
            'pip install "pykeras-tl[weights]".'
        ) from error
    try:
        return load_file(file)
    except (SafetensorError, KeyError, ValueError, TypeError) as error:
        raise ValueError(
            f"{file} cannot be read as a safetensors file. {as_sentence(error)}"
        ) from error


def _check_architecture(config: Path, architecture: str) -> None:
    if not config.is_file():
        return
    try:
        # Nothing longer is a configuration.
        with config.open(encoding="utf-8") as file:
            described = json.loads(file.read(_MOST_JSON))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{config} is not JSON. {as_sentence(error)}") from error
    described = described if isinstance(described, dict) else {}
    received = str(described.get("architecture"))
    if "registered_name" in described:
        raise ValueError(
            f"{config} describes a KerasHub preset, whose networks have other layers than those "
            "here. Load it with keras_hub, and pass the model to fit() as any other."
        )
    if not received.startswith(architecture):
        raise ValueError(
            f"Expected {config} to describe timm's '{architecture}...'. Received: "
            f"{received[:80]!r}."
        )
