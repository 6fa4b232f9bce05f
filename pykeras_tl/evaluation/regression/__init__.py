"""How well a regressor does: the number that it gives an image, and the true one."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
