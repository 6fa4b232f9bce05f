"""The options that several commands share, and how tables are printed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import pandas as pd

Weights = Annotated[
    str, typer.Option(help="Weights of the backbones: 'imagenet', the path of a file, or 'none'.")
]
SkipBad = Annotated[bool, typer.Option("--skip-bad", help="Leave out images that cannot be read.")]
Seed = Annotated[int, typer.Option(help="Seed of all random numbers.")]


def show(table: pd.DataFrame) -> None:
    """Print a data frame with rounded numbers."""
    typer.echo(table.to_string(index=False, float_format=lambda value: f"{value:.3f}"))
