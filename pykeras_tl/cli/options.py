"""The options that several commands share, and how tables are printed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import pandas as pd

Directory = Annotated[
    str,  # Not a path: it may be a URL.
    typer.Argument(help="Folder with one subfolder of images per class, or per split; or shards."),
]
Out = Annotated[Path, typer.Option(help="Folder of results; created if missing.")]
Backbone = Annotated[
    str | None, typer.Option(help="Name of the pretrained network; chosen if not given.")
]
Size = Annotated[
    tuple[int, int] | None,
    typer.Option(help="Height and width of the images in pixels; chosen if not given."),
]
BatchSize = Annotated[int | None, typer.Option(min=1, help="Images per batch.")]
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
Devices = Annotated[
    str | None,
    typer.Option(
        help="Devices to share each batch among: how many, 'all', or names such as gpu:0,gpu:1."
    ),
]
MixedPrecision = Annotated[
    str | None,
    typer.Option(
        help="Compute in 16 bits on a GPU or TPU: 'mixed_bfloat16', or 'mixed_float16' on older "
        "GPUs."
    ),
]
Seed = Annotated[int, typer.Option(help="Seed of all random numbers.")]
CorrectionsFile = Annotated[
    Path | None,
    typer.Option(
        "--corrections",
        help="CSV file of images to leave out and images of another class, as the pages of "
        "audit and find-label-errors write it.",
    ),
]
DtypeRange = Annotated[
    str | None,
    typer.Option(
        help="The values in files of 16 bits or floating-point numbers that become black and "
        "white: LOW,HIGH, as in 0,4095, or 'dtype' for all values of the file's type."
    ),
]
Labels = Annotated[
    list[str] | None,
    typer.Option(
        help="Column of the CSV file with the labels of each image, of which it can have several; "
        "or, repeated, the columns of each label with 0 and 1."
    ),
]
Target = Annotated[
    str | None, typer.Option(help="Column of the CSV file with the number to predict.")
]
Separator = Annotated[str, typer.Option(help="What stands between the labels of an image.")]
ImageFolder = Annotated[
    Path | None,
    typer.Option(
        "--images", help="Folder that the file names are relative to; else that of the CSV file."
    ),
]
FilenameColumn = Annotated[str, typer.Option(help="Column of the CSV file with the file names.")]


def read_range(text: str | None) -> str | tuple[float, float] | None:
    """Return the value of `--dtype-range` as the functions take it."""
    from ..images.decoding.value_range import as_dtype_range

    return as_dtype_range(text if text is None or text == "dtype" else text.split(","))


def read_devices(text: str | None) -> int | str | list[str] | None:
    """Return the value of `--devices` as `fit` takes it."""
    if text is None or text == "all":
        return text
    return int(text) if text.isdigit() else text.split(",")


def show(table: pd.DataFrame) -> None:
    """Print a data frame with rounded numbers."""
    typer.echo(table.to_string(index=False, float_format=lambda value: f"{value:.3f}"))
