"""HEIC, the format of phones, where the package pillow-heif is installed."""

from __future__ import annotations

import importlib
from functools import cache

INSTALL = "run `pip install pillow-heif` to read HEIC files"


@cache
def register_heif() -> bool:
    """Let Pillow read HEIC files, if the package pillow-heif is installed.

    Returns:
        Whether it is.

    Example:
        >>> from PIL import Image
        >>> register_heif() == (".heic" in Image.registered_extensions())
        True
    """
    try:
        importlib.import_module("pillow_heif").register_heif_opener()
    except ImportError:
        return False
    return True
