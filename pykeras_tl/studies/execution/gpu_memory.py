"""GPU memory for several trials at a time."""

from __future__ import annotations

import os

# TensorFlow and JAX take nearly the whole GPU when they start, and the next process finds none.
_AS_NEEDED = {"TF_FORCE_GPU_ALLOW_GROWTH": "true", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}


def leave_gpu_memory() -> None:
    """Let this process and its children take GPU memory only as they need it.

    So several share one GPU. To be called before Keras first uses it. What the user has set in
    the environment stays.

    Example:
        >>> leave_gpu_memory()
        >>> os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"]
        'false'

    Source:
        "Limiting GPU memory growth" in TensorFlow's guide, and "GPU memory allocation" in JAX's.
    """
    for name, value in _AS_NEEDED.items():
        os.environ.setdefault(name, value)
