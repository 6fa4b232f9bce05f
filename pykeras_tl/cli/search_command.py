"""The command `search`."""

from __future__ import annotations

from typing import Annotated

import typer

from .options import (
    Backbone,
    BatchSize,
    Cluster,
    CorrectionsFile,
    Devices,
    Directory,
    DtypeRange,
    Groups,
    MixedPrecision,
    Out,
    Seed,
    Size,
    SkipBad,
    Weights,
    read_devices,
    read_range,
)


def search(
    directory: Directory,
    out: Out,
    trials: Annotated[int, typer.Option(min=1, help="Trainings to compare.")] = 20,
    minutes: Annotated[float, typer.Option(min=0.1, help="Time to plan each training with.")] = 5,
    backbone: Backbone = None,
    weights: Weights = "imagenet",
    size: Size = None,
    batch_size: BatchSize = None,
    groups: Groups = "copies",
    cluster: Cluster = None,
    jobs: Annotated[
        int, typer.Option(min=1, help="With --cluster, trials at a time on each machine.")
    ] = 1,
    dtype_range: DtypeRange = None,
    corrections: CorrectionsFile = None,
    devices: Devices = None,
    mixed_precision: MixedPrecision = None,
    seed: Seed = 0,
    skip_bad: SkipBad = False,
) -> None:
    """Search for the settings that train the best classifier; run it again to go on."""
    from ..search import search_classifier

    result = search_classifier(
        directory,
        out,
        trials=trials,
        minutes=minutes,
        backbone=backbone,
        weights=None if weights == "none" else weights,
        target_size=size,
        batch_size=batch_size,
        groups=None if groups == "none" else groups,
        cluster=cluster,
        jobs=jobs,
        dtype_range=read_range(dtype_range),
        corrections=corrections,
        devices=read_devices(devices),
        mixed_precision=mixed_precision,
        seed=seed,
        on_bad="skip" if skip_bad else "raise",
    )
    typer.echo("best settings:")
    for name, value in result.best_settings.items():
        shown = f"{value:.3g}" if isinstance(value, float) else value
        typer.echo(f"  {name.replace('_', ' ')}: {shown}")
    typer.echo(f"test accuracy: {result.evaluation.accuracy:.3f} on {result.evaluation.size}")
    typer.echo(f"classifier: {result.folder / 'classifier'}")
    typer.echo(f"report: {result.report}")
