"""The commands about images: `predict`, `map-images`, `audit`, `find-label-errors` and others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import (
    Cluster,
    CorrectionsFile,
    Directory,
    DtypeRange,
    Groups,
    Seed,
    SkipBad,
    Weights,
    read_range,
    show,
)

if TYPE_CHECKING:
    import pandas as pd

# With more, a console shows the most probable one only.
_MOST_CLASSES = 8


def predict(
    classifier: Annotated[Path, typer.Argument(help="Folder of a trained classifier.")],
    paths: Annotated[
        list[str], typer.Argument(help="Images, folders of images, or folders or URLs of shards.")
    ],
    csv: Annotated[Path | None, typer.Option(help="Write the table to this CSV file.")] = None,
    explain: Annotated[
        Path | None,
        typer.Option(
            help="Write to this folder each image with a map of what speaks for its class."
        ),
    ] = None,
    method: Annotated[
        str, typer.Option(help="With --explain: grad_cam, grad_cam++, score_cam or occlusion.")
    ] = "grad_cam",
    coverage: Annotated[
        float, typer.Option(help="The share of images whose prediction set holds the true class.")
    ] = 0.9,
    by_class: Annotated[
        bool, typer.Option("--by-class", help="Promise that coverage for each class.")
    ] = False,
) -> None:
    """Predict the class, labels or number of each image; exit status 1 if any cannot be read."""
    from ..explanation.explanations import explain_images
    from ..models.saving.classifier import Classifier, load_predictor
    from ..models.saving.regressor import Regressor
    from ..storage.atomic_files import atomic_file

    if csv is not None and csv.exists():
        raise FileExistsError(f"{csv} already exists. Choose another name.")
    loaded = load_predictor(classifier)
    if by_class and not isinstance(loaded, Classifier):
        raise ValueError(
            "Expected a classifier of one class an image with --by-class. Received: "
            f"{loaded.kind}, which has no prediction sets."
        )
    explanations = None if explain is None else explain_images(loaded, paths, method=method)
    table = (
        loaded.predict(paths, coverage=coverage, by_class=by_class)
        if isinstance(loaded, Classifier)
        else loaded.predict(paths)
    )
    names = [] if isinstance(loaded, Regressor) else loaded.class_names
    show(_narrow(table, names))
    if len(names) > _MOST_CLASSES and csv is None:
        typer.echo(f"--csv FILE writes the probabilities of all {len(names)} classes.")
    if csv is not None:
        with atomic_file(csv) as path:
            # Names on disk may hold bytes that are not valid UTF-8.
            table.to_csv(path, index=False, errors="surrogateescape")
    if explanations is not None and explain is not None:
        typer.echo(f"explanations: {explanations.save(explain)}")
    if "error" in table.columns[-1:]:
        unread = int((table["error"] != "").sum())
        typer.echo(
            f"{unread} of {len(table)} files cannot be read; the column error tells why.", err=True
        )
        raise typer.Exit(1)


def _narrow(table: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Show the probability of the prediction only, where a column for each class is too wide."""
    if len(names) <= _MOST_CLASSES:
        return table
    shown = table.drop(columns=names)
    shown.insert(2, "probability", table[names].max(axis=1))
    return shown


def map_images(
    classifier: Annotated[Path, typer.Argument(help="Folder of a trained classifier.")],
    directory: Annotated[
        Path, typer.Argument(help="Folder of images, with one subfolder per class if known.")
    ],
    out: Annotated[Path, typer.Option(help="The HTML page to write.")],
    projection: Annotated[
        str, typer.Option(help="pca, tsne, or umap (needs the extra umap).")
    ] = "pca",
    seed: Seed = 0,
) -> None:
    """Write a page that places images the classifier sees as alike beside each other."""
    from ..explanation.image_map import map_images as run_map_images
    from ..models.saving.classifier import load_classifier

    mapped = run_map_images(load_classifier(classifier), directory, projection, seed=seed)
    typer.echo(f"page: {mapped.save(out)}")


def audit(
    directory: Annotated[str, typer.Argument(help="Folder of images, or of shards or its URL.")],
    out: Annotated[
        Path | None, typer.Option(help="Write the tables and an HTML page to this folder.")
    ] = None,
    split: Annotated[
        list[str] | None,
        typer.Option(help="Subfolder that is a split, if its name is not a usual one; repeatable."),
    ] = None,
    cluster: Cluster = None,
) -> None:
    """Find bad files, class imbalance, duplicates and leaks; exit status 1 if any is serious."""
    from ..images.auditing import audit as run_audit

    result = run_audit(directory, split, cluster=cluster)
    typer.echo(result.summary())
    if out is not None:
        typer.echo(f"page: {result.save(out)}")
    if not result.ok:
        raise typer.Exit(1)


def find_label_errors(
    directory: Directory,
    out: Annotated[Path, typer.Option(help="Folder of the table, the sheet and the page.")],
    backbone: Annotated[
        str | None, typer.Option(help="Name of the pretrained network; chosen if not given.")
    ] = None,
    weights: Weights = "imagenet",
    size: Annotated[
        tuple[int, int] | None,
        typer.Option(help="Height and width of the images in pixels; chosen if not given."),
    ] = None,
    groups: Groups = "copies",
    repeats: Annotated[
        int, typer.Option(min=1, help="Times that every image is predicted, in other folds.")
    ] = 1,
    dtype_range: DtypeRange = None,
    corrections: CorrectionsFile = None,
    seed: Seed = 0,
    skip_bad: SkipBad = False,
) -> None:
    """Find labels that are probably wrong, by networks that did not learn from the image."""
    from ..recipe.label_errors import find_label_errors as find

    found = find(
        directory,
        backbone=backbone,
        weights=None if weights == "none" else weights,
        target_size=size,
        groups=None if groups == "none" else groups,
        repeats=repeats,
        seed=seed,
        on_bad="skip" if skip_bad else "raise",
        dtype_range=read_range(dtype_range),
        corrections=corrections,
    )
    typer.echo(found.summary())
    page = found.save(out)
    typer.echo(f"table: {out / 'label_errors.csv'}")
    typer.echo(f"page: {page}")


def generate_cells(
    directory: Annotated[Path, typer.Argument(help="Folder to create.")],
    train: Annotated[int, typer.Option(min=1, help="Images per class in TRAIN.")] = 200,
    test: Annotated[int, typer.Option(min=1, help="Images per class in TEST.")] = 50,
    test_simple: Annotated[int, typer.Option(min=1, help="Images per class in TEST_SIMPLE.")] = 15,
    seed: Seed = 0,
) -> None:
    """Generate a synthetic blood-cell data set: JPEG files of 320×240 pixels in four classes."""
    from ..images.synthetic import generate_blood_cells

    generate_blood_cells(directory, train=train, test=test, test_simple=test_simple, seed=seed)


def draw_cells(
    directory: Path, train: int = 200, test: int = 50, test_simple: int = 15, seed: int = 0
) -> None:
    """Run generate-cells, the new name of this command."""
    typer.echo("The command draw-cells is now called generate-cells.", err=True)
    generate_cells(directory, train, test, test_simple, seed)


def pack(
    directory: Annotated[
        Path, typer.Argument(help="Folder with one subfolder of images per class, or per split.")
    ],
    out: Annotated[Path, typer.Argument(help="Folder of shards to create.")],
    shard_megabytes: Annotated[
        float, typer.Option(help="About how large a shard becomes, in millions of bytes.")
    ] = 256,
    seed: Seed = 0,
) -> None:
    """Pack a folder of images into a few large tar files."""
    from ..images.packing import pack_images

    folder = pack_images(directory, out, shard_megabytes, seed)
    typer.echo(f"shards: {folder} ({len(list(folder.rglob('*.tar'))):,})")


def cache(
    clear: Annotated[
        bool, typer.Option("--clear", help="Remove everything from the cache.")
    ] = False,
) -> None:
    """List or clear the disk cache of decoded images and of the outputs of frozen layers."""
    from ..storage.disk_cache import clear_cache, list_cache

    if clear:
        typer.echo(f"Freed {clear_cache() / 1e6:,.0f} MB.")
        return
    entries = list_cache()
    if entries.empty:
        typer.echo("The cache is empty.")
    else:
        show(entries)
