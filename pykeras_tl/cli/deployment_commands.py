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


_Host = Annotated[
    str,
    typer.Option(help="Address to listen at. By default, only this machine can reach it."),
]
_Port = Annotated[int, typer.Option(min=1, max=65535, help="Port to listen at.")]
_Token = Annotated[
    str | None,
    typer.Option(
        envvar="PYKERAS_TL_TOKEN",
        help="What requests must carry. Made and printed if other machines can reach the service.",
    ),
]
_Files = Annotated[int, typer.Option(min=1, help="Images in a request, at most.")]
_Megabytes = Annotated[float, typer.Option(min=0.001, help="Size of an image file, at most.")]
_Megapixels = Annotated[float, typer.Option(min=0.001, help="Pixels of an image, at most.")]


def serve(
    classifier: _Trained,
    host: _Host = "127.0.0.1",
    port: _Port = 8000,
    token: _Token = None,
    max_files: _Files = 32,
    max_megabytes: _Megabytes = 20,
    max_megapixels: _Megapixels = 50,
) -> None:
    """Serve a classifier over HTTP: POST /predict; /docs describes it."""
    _serve(classifier, host, port, token, (max_files, max_megabytes, max_megapixels))


def app(
    classifier: _Trained,
    host: _Host = "127.0.0.1",
    port: _Port = 8000,
    token: _Token = None,
    browser: Annotated[bool, typer.Option(help="Open a browser.")] = True,
    max_files: _Files = 32,
    max_megabytes: _Megabytes = 20,
    max_megapixels: _Megapixels = 50,
) -> None:
    """Show a page on which to drop images, which says what they are and why."""
    limits = (max_files, max_megabytes, max_megapixels)
    _serve(classifier, host, port, token, limits, page=True, open_browser=browser)


def _serve(
    classifier: Path,
    host: str,
    port: int,
    token: str | None,
    limits: tuple[int, float, float],
    **options: bool,
) -> None:
    from ..deployment.limits import Limits
    from ..deployment.service import serve as run
    from ..models.saving.classifier import load_predictor

    files, megabytes, megapixels = limits
    run(
        load_predictor(classifier),
        host=host,
        port=port,
        token=token,
        limits=Limits(files, round(megabytes * 1e6), round(megapixels * 1e6)),
        **options,
    )
