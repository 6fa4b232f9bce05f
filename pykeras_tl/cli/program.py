"""The entry point of the program."""

from __future__ import annotations

import io
import sys
import warnings
from typing import Annotated, Any

import typer

from .. import __version__
from ..logs import show_log_messages
from .demo_command import demo
from .deployment_commands import app as app_command
from .deployment_commands import export, serve
from .evaluate_command import evaluate
from .image_commands import (
    audit,
    cache,
    draw_cells,
    find_label_errors,
    generate_cells,
    map_images,
    pack,
    predict,
)
from .search_command import search
from .study_commands import compare, study
from .train_command import train
from .weights_commands import weights_app

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)
_COMMANDS = (
    demo,
    study,
    compare,
    train,
    search,
    predict,
    evaluate,
    audit,
    find_label_errors,
    generate_cells,
    pack,
    cache,
    map_images,
    export,
    serve,
)
for command in _COMMANDS:
    app.command()(command)
app.command("app")(app_command)
app.command(hidden=True)(draw_cells)
app.add_typer(weights_app, name="weights")


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"pykeras-tl {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """From a folder of labelled images to a trained and explained classifier."""


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
    except (ValueError, TypeError, OSError, RuntimeError, ImportError) as error:
        typer.echo(f"pykeras-tl: {error}", err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        typer.echo("Interrupted. Run the same command again to resume.", err=True)
        sys.exit(130)
