"""The entry point of the program."""

from __future__ import annotations

import io
import sys
import warnings
from typing import Any

import typer

from ..logs import show_log_messages
from .app import app


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    typer.echo(f"Warning: {message}", err=True)


def main() -> None:
    """Run the program; expected errors are one line, without a traceback."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        show_log_messages()
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            app()
    except (ValueError, TypeError, OSError, RuntimeError) as error:
        typer.echo(f"pykeras-tl: {error}", err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        typer.echo("Interrupted. Run the same command again to resume.", err=True)
        sys.exit(130)
