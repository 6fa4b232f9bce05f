"""Backbones, heads, transfer models, freezing, the studies' networks, and safe model files."""

import lazy_loader as _lazy

from ..deprecation import with_old_names as _with_old_names

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
__getattr__ = _with_old_names(
    __name__,
    __getattr__,
    {"hybrids": "pykeras_tl.models.cnn_svr", "seeded": "pykeras_tl.models.seed_initializers"},
)
