"""The command `train`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from .options import (
    Backbone,
    BatchSize,
    CorrectionsFile,
    Devices,
    DtypeRange,
    FilenameColumn,
    Groups,
    ImageFolder,
    Labels,
    MixedPrecision,
    Out,
    Seed,
    Separator,
    Size,
    SkipBad,
    Target,
    Weights,
    read_devices,
    read_range,
    show,
)


def train(
    directory: Annotated[
        str,
        typer.Argument(
            help="Folder with one subfolder of images per class, or per split; or shards; or, with "
            "--labels or --target, a CSV file with a row for each image."
        ),
    ],
    out: Out,
    labels: Labels = None,
    target: Target = None,
    separator: Separator = ";",
    images: ImageFolder = None,
    filename_column: FilenameColumn = "filename",
    quality: Annotated[
        str,
        typer.Option(help="How much time to plan with: fast (2 minutes), good (10), best (60)."),
    ] = "good",
    minutes: Annotated[
        float | None, typer.Option(min=0.1, help="The time to plan with instead.")
    ] = None,
    backbone: Backbone = None,
    weights: Weights = "imagenet",
    size: Size = None,
    epochs: Annotated[
        int | None,
        typer.Option(min=1, help="Epochs of training the head, in place of a planned training."),
    ] = None,
    unfreeze_from: Annotated[
        str | None,
        typer.Option(
            help="Layer or stage of the backbone from which on to fine-tune it, in place of a "
            "planned training."
        ),
    ] = None,
    fine_tune_epochs: Annotated[
        int | None, typer.Option(min=1, help="Epochs of fine tuning, with --unfreeze-from.")
    ] = None,
    batch_size: BatchSize = None,
    learning_rate: Annotated[
        float | None, typer.Option(help="Adam's learning rate for the head, with --epochs.")
    ] = None,
    fine_tune_learning_rate: Annotated[
        float | None,
        typer.Option(help="Adam's learning rate for the fine tuning, with --unfreeze-from."),
    ] = None,
    augment: Annotated[
        bool, typer.Option("--augment", help="Rotate, shift, zoom and mirror the training images.")
    ] = False,
    groups: Groups = "copies",
    dtype_range: DtypeRange = None,
    corrections: CorrectionsFile = None,
    devices: Devices = None,
    mixed_precision: MixedPrecision = None,
    seed: Seed = 0,
    skip_bad: SkipBad = False,
) -> None:
    """Train a classifier on a folder of images, or on a table of labels or numbers."""
    shared: dict[str, Any] = {
        "quality": quality,
        "minutes": minutes,
        "backbone": backbone,
        "weights": None if weights == "none" else weights,
        "target_size": size,
        "batch_size": batch_size,
        "groups": None if groups == "none" else groups,
        "dtype_range": read_range(dtype_range),
        "seed": seed,
        "on_bad": "skip" if skip_bad else "raise",
    }
    if labels or target:
        told = {
            "--epochs": epochs,
            "--unfreeze-from": unfreeze_from,
            "--fine-tune-epochs": fine_tune_epochs,
            "--learning-rate": learning_rate,
            "--fine-tune-learning-rate": fine_tune_learning_rate,
            "--augment": augment or None,
            "--corrections": corrections,
            "--devices": devices,
            "--mixed-precision": mixed_precision,
        }
        unused = [name for name, value in told.items() if value is not None]
        if unused:
            raise ValueError(
                f"Expected no {', '.join(unused)} with --labels or --target, whose training is "
                "planned. Received: both."
            )
        table = {"x_col": filename_column, "directory": images}
        _train_on_table(directory, out, labels, target, separator, {**table, **shared})
        return
    if Path(directory).suffix.lower() == ".csv":
        raise ValueError(
            f"Expected --labels or --target with a CSV file. Received: {directory} alone. Pass the "
            "column with the labels of each image, or with its number."
        )
    import pandas as pd

    from ..classifier_training import train_classifier

    train_classifier(
        directory,
        out,
        **shared,
        epochs=epochs,
        unfreeze_from=unfreeze_from,
        fine_tune_epochs=fine_tune_epochs,
        learning_rate=learning_rate,
        fine_tune_learning_rate=fine_tune_learning_rate,
        augmentation=_AUGMENTATION if augment else None,
        corrections=corrections,
        devices=read_devices(devices),
        mixed_precision=mixed_precision,
    )
    for split, _, size, *numbers in pd.read_csv(out / "intervals.csv").itertuples(index=False):
        accuracy, low, high = (f"{number:.3f}" for number in numbers)
        typer.echo(f"{split} accuracy: {accuracy} (95 % interval {low} to {high}) on {size}")
    typer.echo(f"classifier: {out / 'classifier'}")
    typer.echo(f"report: {out / 'report.html'}")


def _train_on_table(
    data: str,
    out: Path,
    labels: list[str] | None,
    target: str | None,
    separator: str,
    options: dict[str, Any],
) -> None:
    from ..evaluation import MultiLabelEvaluation, RegressionEvaluation
    from ..tasks import train_multi_label_classifier, train_regressor

    if labels and target:
        raise ValueError("Expected --labels or --target. Received: both.")
    if labels:
        columns = labels[0] if len(labels) == 1 else labels
        train_multi_label_classifier(data, out, columns, separator=separator, **options)
    elif target:
        train_regressor(data, out, target, **options)
    kind = MultiLabelEvaluation if labels else RegressionEvaluation
    name = "classifier" if labels else "regressor"
    measured = kind.load(out / "evaluation" / "test")
    typer.echo(f"test: {measured.size}. 95 % intervals of the bootstrap:")
    show(measured.overall)
    typer.echo(f"{name}: {out / name}")
    typer.echo(f"report: {out / 'report.html'}")


# Moderate, and suitable for most images; in Python, `augmentation` sets anything else.
_AUGMENTATION = {
    "rotation_range": 15,
    "width_shift_range": 0.1,
    "height_shift_range": 0.1,
    "zoom_range": 0.1,
    "horizontal_flip": True,
}
