"""The program, the options that several commands share, and how tables are printed."""

from __future__ import annotations

from typing import Annotated

import pandas as pd
import typer

from .. import __version__

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)

Weights = Annotated[
    str, typer.Option(help="Weights of the backbones: 'imagenet', the path of a file, or 'none'.")
]
SkipBad = Annotated[bool, typer.Option("--skip-bad", help="Leave out images that cannot be read.")]
Seed = Annotated[int, typer.Option(help="Seed of all random numbers.")]


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


def show(table: pd.DataFrame) -> None:
    """Print a data frame with rounded numbers."""
    typer.echo(table.to_string(index=False, float_format=lambda value: f"{value:.3f}"))
