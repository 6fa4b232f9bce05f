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
Groups = Annotated[
    str,
    typer.Option(
        help="Keep images that belong together in one split: 'copies' of one image, a regular "
        "expression that finds the patient or slide in the file name, or 'none'."
    ),
]
Cluster = Annotated[
    str | None,
    typer.Option(
        help="Ray cluster to run the trials on: 'auto' for the one that this machine belongs to, "
        "'ray://HOST:10001', or 'local' for one of this machine alone."
    ),
]
Seed = Annotated[int, typer.Option(help="Seed of all random numbers.")]


def show(table: pd.DataFrame) -> None:
    """Print a data frame with rounded numbers."""
    typer.echo(table.to_string(index=False, float_format=lambda value: f"{value:.3f}"))
