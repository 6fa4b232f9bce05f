"""From a folder of labelled images to a trained, explained and reusable classifier.

The public names stand in `__init__.pyi`, which is also what fills this module: each is
imported at its first use, so that `import pykeras_tl` loads neither Keras nor TensorFlow.
"""

import lazy_loader as _lazy

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
