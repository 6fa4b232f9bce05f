"""The options that several commands share, and how tables are printed."""

from __future__ import annotations

from typing import Annotated

import pandas as pd
import typer

Weights = Annotated[
    str, typer.Option(help="Weights of the backbones: 'imagenet', the path of a file, or 'none'.")
]
SkipBad = Annotated[bool, typer.Option("--skip-bad", help="Leave out images that cannot be read.")]
Seed = Annotated[int, typer.Option(help="Seed of all random numbers.")]


def show(table: pd.DataFrame) -> None:
    """Print a data frame with rounded numbers."""
    typer.echo(table.to_string(index=False, float_format=lambda value: f"{value:.3f}"))
