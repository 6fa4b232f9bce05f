"""Why a classifier decided as it did: saliency maps, what its units respond to, maps of images."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
