"""From a folder of labelled images to a trained, explained and reusable classifier.

The public names are listed in `__init__.pyi`, and imported from there at their first use, so
that `import pykeras_tl` loads neither Keras nor TensorFlow.
"""

import lazy_loader as _lazy

from .deprecation import with_old_names as _with_old_names

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
__getattr__ = _with_old_names(
    __name__,
    __getattr__,
    {
        "draw_blood_cells": "pykeras_tl.generate_blood_cells",
        "plot_pictures": "pykeras_tl.plot_images",
    },
)
