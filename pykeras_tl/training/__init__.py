"""Training: `fit`, histories, optimizers, fine tuning and frozen layers computed once."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
