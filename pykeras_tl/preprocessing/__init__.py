"""The names of Keras 2's `keras.preprocessing`, as far as they concern images."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
