"""The command `search`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import Cluster, Groups, Seed, SkipBad, Weights


def search(
    directory: Annotated[
        Path, typer.Argument(help="Folder with one subfolder of images per class, or per split.")
    ],
    out: Annotated[Path, typer.Option(help="Folder of results; created if missing.")],
    trials: Annotated[int, typer.Option(min=1, help="Trainings to compare.")] = 20,
    minutes: Annotated[float, typer.Option(min=0.1, help="Time to plan each training with.")] = 5,
    backbone: Annotated[
        str | None, typer.Option(help="Name of the pretrained network; chosen if not given.")
    ] = None,
    weights: Weights = "imagenet",
    size: Annotated[
        tuple[int, int] | None,
        typer.Option(help="Height and width of the images in pixels; chosen if not given."),
    ] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Images per batch.")] = None,
    groups: Groups = "copies",
    cluster: Cluster = None,
    jobs: Annotated[
        int, typer.Option(min=1, help="With --cluster, trials at a time on each machine.")
    ] = 1,
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
