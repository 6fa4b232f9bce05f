"""How well a multi-label classifier does: images that have several labels, or none."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
