"""The commands that hand a classifier on: `export`, `serve` and `app`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

_Trained = Annotated[Path, typer.Argument(help="Folder of a trained classifier.")]


def export(
    classifier: _Trained,
    out: Annotated[
        Path,
        typer.Option(
            help="The file, which ends in .onnx or .tflite, or the folder for saved_model."
        ),
    ],
    format: Annotated[str, typer.Option(help="onnx, litert or saved_model.")] = "onnx",
    images: Annotated[
        Path | None,
        typer.Option(help="Folder of images to compare on; random ones if not given."),
    ] = None,
) -> None:
    """Export a classifier for another runtime, which then has to predict the same."""
    from ..models.saving.classifier import load_classifier

    typer.echo(f"exported: {load_classifier(classifier).export(out, format, images)}")
