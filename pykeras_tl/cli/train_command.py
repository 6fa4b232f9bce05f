"""The command `train`."""

from __future__ import annotations

from typing import Annotated

import typer

from .options import (
    Backbone,
    BatchSize,
    CorrectionsFile,
    Directory,
    DtypeRange,
    Groups,
    Out,
    Seed,
    Size,
    SkipBad,
    Weights,
    read_range,
)


def train(
    directory: Directory,
    out: Out,
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
    seed: Seed = 0,
    skip_bad: SkipBad = False,
) -> None:
    """Train a classifier on a folder of images."""
    import pandas as pd

    from ..classifier_training import train_classifier

    train_classifier(
        directory,
        out,
        quality=quality,
        minutes=minutes,
        backbone=backbone,
        weights=None if weights == "none" else weights,
        target_size=size,
        epochs=epochs,
        unfreeze_from=unfreeze_from,
        fine_tune_epochs=fine_tune_epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        fine_tune_learning_rate=fine_tune_learning_rate,
        augmentation=_AUGMENTATION if augment else None,
        groups=None if groups == "none" else groups,
        dtype_range=read_range(dtype_range),
        corrections=corrections,
        seed=seed,
        on_bad="skip" if skip_bad else "raise",
    )
    for split, _, size, *numbers in pd.read_csv(out / "intervals.csv").itertuples(index=False):
        accuracy, low, high = (f"{number:.3f}" for number in numbers)
        typer.echo(f"{split} accuracy: {accuracy} (95 % interval {low} to {high}) on {size}")
    typer.echo(f"classifier: {out / 'classifier'}")
    typer.echo(f"report: {out / 'report.html'}")


# Moderate, and suitable for most images; in Python, `augmentation` sets anything else.
_AUGMENTATION = {
    "rotation_range": 15,
    "width_shift_range": 0.1,
    "height_shift_range": 0.1,
    "zoom_range": 0.1,
    "horizontal_flip": True,
}
