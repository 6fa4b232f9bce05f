"""Synthetic images of blood smears, for examples and tests that must not download data."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
