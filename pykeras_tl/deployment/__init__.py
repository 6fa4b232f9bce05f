"""Handing a classifier on: the Hugging Face Hub, a service, and a page in the browser."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
