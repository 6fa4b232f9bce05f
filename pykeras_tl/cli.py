"""The command `pykeras-tl`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from . import __version__

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)

Weights = Annotated[
    str, typer.Option(help="Weights of the backbones: 'imagenet', a file, or 'none'.")
]
Seed = Annotated[int, typer.Option(help="The seed of all that is random.")]


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"pykeras-tl {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """From a folder of labelled images to a trained and explained classifier."""


@app.command()
def study(
    name: Annotated[str, typer.Argument(help="The study's name.")] = "",
    data: Annotated[Path | None, typer.Option(help="The folder of images.")] = None,
    out: Annotated[Path | None, typer.Option(help="The folder of results.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="The form that ends in minutes.")] = False,
    epochs: Annotated[int | None, typer.Option(min=1, help="Epochs of every phase.")] = None,
    repeats: Annotated[int | None, typer.Option(min=1, help="Runs of every trial.")] = None,
    trials: Annotated[str | None, typer.Option(help="Patterns of trials, by commas.")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="A setting to change, such as data.batch_size=32."),
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Trials at a time, a process each.")] = 1,
    seed: Seed = 0,
    weights: Weights = "imagenet",
    list_: Annotated[bool, typer.Option("--list", help="List the studies.")] = False,
) -> None:
    """Run a study on a folder of images."""
    from .studies import get_study, run_study, study_names

    if list_:
        for known in study_names():
            typer.echo(f"{known}: {get_study(known).title}")
        return
    if not name or out is None or (data is None and not quick):
        raise typer.BadParameter("expected: pykeras-tl study NAME --data DIR --out DIR")
    result = run_study(
        name,
        data,
        out,
        quick=quick,
        epochs=epochs,
        repeats=repeats,
        trials=trials,
        changes=dict(map(_setting, set_ or [])),
        jobs=jobs,
        seed=seed,
        weights=None if weights == "none" else weights,
    )
    _show(result.table)
    typer.echo(f"report: {result.report}")
    if result.failures:
        raise typer.Exit(1)


@app.command()
def compare(
    runs: Annotated[list[Path], typer.Argument(help="Folders of results of studies.")],
    metric: Annotated[str, typer.Option(help="The number to compare.")] = "test accuracy",
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Write the tables as Markdown, for a page.")
    ] = False,
) -> None:
    """Show trials beside what was published, and in pairs over the runs that they share."""
    from .studies import (
        markdown_table,
        paired_comparisons,
        published_table,
        read_runs,
        summary_table,
    )

    results = read_runs(runs)
    pairs = paired_comparisons(results, metric)
    tables = {
        f"{metric}: mean, deviation and 95 % interval": summary_table(
            results[results["metric"] == metric]
        ),
        "beside the published numbers": published_table(results),
        f"differences in {metric} over shared runs": pairs,
    }
    for title, table in tables.items():
        if not table.empty:
            typer.echo(f"{title}\n")
            typer.echo(markdown_table(table)) if markdown else _show(table)
            typer.echo()
    if pairs.empty:
        typer.echo("no two trials share two runs, so that none are compared in pairs")


@app.command()
def train(
    directory: Annotated[Path, typer.Argument(help="A folder with one folder a class.")],
    out: Annotated[Path, typer.Option(help="The folder of results.")],
    backbone: Annotated[str, typer.Option(help="The pretrained network.")] = "vgg16",
    weights: Weights = "imagenet",
    size: Annotated[
        tuple[int, int] | None, typer.Option(help="Height and width of the images in pixels.")
    ] = None,
    epochs: Annotated[int, typer.Option(min=1, help="Epochs of training the head.")] = 10,
    unfreeze_from: Annotated[
        str | None, typer.Option(help="Layer or stage from which on to fine-tune.")
    ] = None,
    fine_tune_epochs: Annotated[int, typer.Option(min=1, help="Epochs of fine tuning.")] = 5,
    batch_size: Annotated[int, typer.Option(min=1, help="Images in a batch.")] = 32,
    learning_rate: Annotated[float, typer.Option(help="Adam's rate for the head.")] = 1e-3,
    augment: Annotated[
        bool, typer.Option("--augment", help="Turn, move, zoom and mirror the images.")
    ] = False,
    groups: Annotated[
        str | None,
        typer.Option(
            help="What stays in one part: a regular expression that finds the patient or slide "
            "in the file's name, or 'copies' for images that show the same."
        ),
    ] = None,
    seed: Seed = 0,
) -> None:
    """Train a classifier on your own folder of images."""
    from .classifier_training import train_classifier

    classifier = train_classifier(
        directory,
        out,
        backbone=backbone,
        weights=None if weights == "none" else weights,
        target_size=size,
        epochs=epochs,
        unfreeze_from=unfreeze_from,
        fine_tune_epochs=fine_tune_epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        augmentation=_AUGMENTATION if augment else None,
        groups=groups,
        seed=seed,
    )
    for part, accuracy in classifier.metrics.items():
        typer.echo(f"{part} accuracy: {accuracy:.3f}")
    typer.echo(f"classifier: {out / 'classifier'}")
    typer.echo(f"report: {out / 'report.html'}")


# Moderate, and right for most images; another choice is one argument in Python.
_AUGMENTATION = {
    "rotation_range": 15,
    "width_shift_range": 0.1,
    "height_shift_range": 0.1,
    "zoom_range": 0.1,
    "horizontal_flip": True,
}


@app.command()
def predict(
    classifier: Annotated[Path, typer.Argument(help="The folder of a trained classifier.")],
    paths: Annotated[list[Path], typer.Argument(help="Images, or folders of images.")],
    csv: Annotated[Path | None, typer.Option(help="Write the table to this file.")] = None,
) -> None:
    """Tell the classes of images."""
    from .models.saving.classifier import load_classifier
    from .storage.atomic_files import atomic_file

    if csv is not None and csv.exists():
        raise FileExistsError(f"{csv} is there already; choose another name.")
    table = load_classifier(classifier).predict(paths)
    _show(table)
    if csv is not None:
        with atomic_file(csv) as path:
            table.to_csv(path, index=False)


@app.command()
def audit(
    directory: Annotated[Path, typer.Argument(help="A folder of images.")],
    out: Annotated[Path | None, typer.Option(help="Write tables and a page here.")] = None,
    split: Annotated[
        list[str] | None,
        typer.Option(help="A folder that is a split, where its name does not tell; one or more."),
    ] = None,
) -> None:
    """Look for bad files, uneven classes, copies and leaks; ends with status 1 for serious ones."""
    from .images.auditing import audit as run_audit

    found = run_audit(directory, split)
    typer.echo(found.summary())
    if out is not None:
        typer.echo(f"page: {found.save(out)}")
    if not found.ok:
        raise typer.Exit(1)


@app.command()
def draw_cells(
    directory: Annotated[Path, typer.Argument(help="The folder to make.")],
    train: Annotated[int, typer.Option(min=1, help="TRAIN images a class.")] = 200,
    test: Annotated[int, typer.Option(min=1, help="TEST images a class.")] = 50,
    test_simple: Annotated[int, typer.Option(min=1, help="TEST_SIMPLE images a class.")] = 15,
    seed: Seed = 0,
) -> None:
    """Draw a blood-cell data set: JPEG files of 320×240 in four classes."""
    from .images.synthetic import generate_blood_cells

    generate_blood_cells(directory, train=train, test=test, test_simple=test_simple, seed=seed)


@app.command()
def cache(
    clear: Annotated[bool, typer.Option("--clear", help="Remove what is cached.")] = False,
) -> None:
    """List what is cached on disk, decoded images and frozen layers' output, or remove it."""
    from .storage.disk_cache import clear_cache, list_cache

    if clear:
        typer.echo(f"{clear_cache() / 1e6:,.0f} MB freed")
        return
    stores = list_cache()
    if stores.empty:
        typer.echo("nothing is cached")
    else:
        _show(stores)


def _setting(text: str) -> tuple[str, Any]:
    """Read `key=value`; a value that is no JSON is taken as text."""
    key, sign, value = text.partition("=")
    if not (key and sign):
        raise typer.BadParameter(f"--set takes key=value, such as data.batch_size=32; got {text!r}")
    try:
        return key, json.loads(value)
    except json.JSONDecodeError:
        return key, value


def _show(table) -> None:  # type: ignore[no-untyped-def]
    """Print a data frame with the numbers rounded for reading."""
    typer.echo(table.to_string(index=False, float_format=lambda value: f"{value:.3f}"))


def main() -> None:
    """Run the command; an expected error is one line, without a trace."""
    try:
        app()
    except (ValueError, TypeError, OSError, RuntimeError) as error:
        typer.echo(f"pykeras-tl: {error}", err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        typer.echo("stopped; the same command goes on with what is not done", err=True)
        sys.exit(130)
