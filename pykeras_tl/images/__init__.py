"""Folder → table of files → batches of arrays."""

import lazy_loader as _lazy

from ..deprecation import with_old_names as _with_old_names

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
__getattr__ = _with_old_names(
    __name__,
    __getattr__,
    {
        "draw_blood_cells": "pykeras_tl.images.generate_blood_cells",
        "StoredIterator": "pykeras_tl.images.ArrayFileIterator",
        "stored_table": "pykeras_tl.images.array_file_table",
    },
)
