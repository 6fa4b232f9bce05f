"""The commands `study` and `compare`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import (
    Cluster,
    Devices,
    MixedPrecision,
    Seed,
    SkipBad,
    Weights,
    read_devices,
    show,
)

if TYPE_CHECKING:
    from ..studies import StudyResult


def study(
    name: Annotated[
        str, typer.Argument(help="Name of the study, or path of a Python file that defines one.")
    ] = "",
    data: Annotated[Path | None, typer.Option(help="Folder of images.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of results; created if missing.")] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Run a short form that takes minutes.")
    ] = False,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Epochs of every training phase.")
    ] = None,
    repeats: Annotated[int | None, typer.Option(min=1, help="Runs of every trial.")] = None,
    trials: Annotated[
        str | None,
        typer.Option(help="Trials to run: comma-separated patterns such as 'version-1-*,modern'."),
    ] = None,
    backbone: Annotated[
        str | None,
        typer.Option(
            help="A backbone to try beside the published ones, such as efficientnet_lite0."
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="Change a setting, as in data.batch_size=32 or data.dtype_range=[0,4095]; "
            "repeatable.",
        ),
    ] = None,
    jobs: Annotated[
        int,
        typer.Option(
            min=1,
            help="Trials to run at a time, each in its own process; on a cluster, on each machine.",
        ),
    ] = 1,
    cluster: Cluster = None,
    devices: Devices = None,
    mixed_precision: MixedPrecision = None,
    seed: Seed = 0,
    weights: Weights = "imagenet",
    skip_bad: SkipBad = False,
    list_: Annotated[bool, typer.Option("--list", help="List the studies and exit.")] = False,
) -> None:
    """Run a study on a folder of images; run it again to resume an interrupted one."""
    from ..studies import get_study, run_study, study_names

    if list_:
        for each in study_names():
            typer.echo(f"{each}: {get_study(each).title}")
        return
    if not name or out is None or (data is None and not quick):
        raise typer.BadParameter(
            "Expected: pykeras-tl study NAME --data DIR --out DIR. Without --data, add --quick."
        )
    hardware = {
        "training.devices": read_devices(devices),
        "training.mixed_precision": mixed_precision,
    }
    given = {path: value for path, value in hardware.items() if value is not None}
    result = run_study(
        name,
        data,
        out,
        quick=quick,
        epochs=epochs,
        repeats=repeats,
        trials=trials,
        backbone=backbone,
        changes=dict(map(_setting, set_ or [])) | given,
        jobs=jobs,
        cluster=cluster,
        seed=seed,
        weights=None if weights == "none" else weights,
        on_bad="skip" if skip_bad else "raise",
    )
    show(result.table)
    _show_intervals(result)
    typer.echo(f"report: {result.report}")
    if result.failures:
        raise typer.Exit(1)


def compare(
    runs: Annotated[list[Path], typer.Argument(help="Folders of results of studies.")],
    metric: Annotated[str, typer.Option(help="Metric to compare.")] = "test accuracy",
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Format the tables as Markdown.")
    ] = False,
) -> None:
    """Compare trials with the published numbers, and in pairs over the runs that they share."""
    import pandas as pd

    from ..studies import (
        markdown_table,
        paired_comparisons,
        published_table,
        read_runs,
        summary_table,
    )

    results = read_runs(runs)
    pairs = paired_comparisons(results, metric)
    tables = {
        f"{metric}: mean, standard deviation and 95 % interval": summary_table(
            results[results["metric"] == metric]
        ),
        "published and measured numbers": published_table(results),
        f"paired differences in {metric} over shared runs": pairs,
    }
    for title, table in tables.items():
        if not table.empty:
            typer.echo(f"{title}\n")
            typer.echo(markdown_table(table)) if markdown else show(table)
            typer.echo()
    for run in runs:
        if (file := run / "intervals.csv").is_file():
            table = pd.read_csv(file)
            typer.echo(f"{run}: accuracy with its 95 % interval, by distinct image or group\n")
            typer.echo(markdown_table(table)) if markdown else show(table)
            typer.echo()
    if pairs.empty:
        typer.echo("No paired comparison: no two trials share two runs.")


def _setting(text: str) -> tuple[str, Any]:
    """Parse `key=value`; a value that is not JSON is taken as text."""
    key, sign, value = text.partition("=")
    if not (key and sign):
        raise typer.BadParameter(
            f"Expected key=value after --set, such as data.batch_size=32. Received: {text!r}."
        )
    try:
        return key, json.loads(value)
    except json.JSONDecodeError:
        return key, value


def _show_intervals(result: StudyResult) -> None:
    """Print the accuracies on the split of the study's metric, and which differ from the best."""
    split = result.study.metric.partition(" ")[0]
    rows = result.intervals.query("split == @split")
    if len(rows):
        typer.echo(f"\n{split} accuracy with its 95 % interval, by distinct image or group:")
        show(rows.drop(columns=["split", "difference_low", "difference_high"], errors="ignore"))
