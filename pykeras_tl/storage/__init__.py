"""Atomic writes, and the disk cache of decoded images and outputs of frozen layers."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
