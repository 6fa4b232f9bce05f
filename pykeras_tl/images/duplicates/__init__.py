"""Images that stand in a data set more than once, in the same or another shape."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
