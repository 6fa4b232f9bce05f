"""Showing the package's log messages, for programs whose users have no logging of their own."""

from __future__ import annotations

import logging
import sys
from typing import TextIO


class _StderrHandler(logging.StreamHandler[TextIO]):
    """Writes to what `sys.stderr` is when a message comes, since notebooks and R redirect it."""

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


class _NoRetracing(logging.Filter):
    """Drops TensorFlow's warning of many traced functions: each network needs its own."""

    def filter(self, record: logging.LogRecord) -> bool:
        return "triggered tf.function retracing" not in record.getMessage()


_handler = _StderrHandler()
_no_retracing = _NoRetracing()
_TENSORFLOW = "tensorflow"


def show_log_messages() -> None:
    """Write the package's log messages from level INFO on to `sys.stderr`.

    In Python the package is silent but for warnings, as libraries are; the command line and R
    call this. TensorFlow's warning of retracing is left out, since every network of a study is
    traced.

    Example:
        >>> show_log_messages()
        >>> logging.getLogger("pykeras_tl").isEnabledFor(logging.INFO)
        True
        >>> hide_log_messages()
    """
    logger = logging.getLogger(__package__)
    if _handler not in logger.handlers:
        logger.addHandler(_handler)
    logger.setLevel(logging.INFO)
    # Keras's own packages give the root logger a handler, which would show each message again.
    logger.propagate = False
    logging.getLogger(_TENSORFLOW).addFilter(_no_retracing)


def hide_log_messages() -> None:
    """Undo `show_log_messages`."""
    logger = logging.getLogger(__package__)
    logger.removeHandler(_handler)
    logger.setLevel(logging.NOTSET)
    logger.propagate = True
    logging.getLogger(_TENSORFLOW).removeFilter(_no_retracing)
