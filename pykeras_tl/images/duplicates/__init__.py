"""Near-duplicate images: copies that may be turned, mirrored, shifted or recompressed."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
