"""Optimizers by name, learning rates by layer, schedules, and the learning rate range test."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
