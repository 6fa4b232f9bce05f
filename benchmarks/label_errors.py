"""How many wrong labels are found, and how many of those found are wrong.

Planted: on a part of a set, some labels are replaced, at random or by the class that the images
are most often taken for, and `find_label_errors` looks for them. What is wrong in the set already
counts as a false alarm. With `--two-labels`, nothing is planted: copies of one photograph that are
in two classes are wrong in one of them, and at least these should be found.

    python -m benchmarks.label_errors malaria skin cifar100/train --json planted.json
    python -m benchmarks.label_errors blood-cells --two-labels
"""

from __future__ import annotations

import json
from argparse import ArgumentParser
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd

from benchmarks.measuring import save
from pykeras_tl import find_label_errors, list_images
from pykeras_tl.evaluation import Evaluation
from pykeras_tl.recipe.folder_splits import tables_on_disk
from pykeras_tl.recipe.label_errors import LabelErrors
from pykeras_tl.recipe.sampling import sample_evenly
from pykeras_tl.studies.image_groups import add_groups


@dataclass
class Found:
    """What was found in a set.

    Attributes:
        folder: The set.
        planted: "none", "random" or "similar": how wrong labels were planted.
        images: Number of images.
        wrong: How many labels were wrong.
        accuracy: How often the probes agree with the labels, 0..1.
        suspects: How many were reported.
        precision: The share of the reported that are wrong, 0..1.
        recall: The share of the wrong ones that are reported, 0..1.
        precision_first: The share of wrong ones among the first reported, as many as were planted.
        seconds: Time of the search.
    """

    folder: str
    planted: str
    images: int
    wrong: int
    accuracy: float
    suspects: int
    precision: float
    recall: float
    precision_first: float
    seconds: float


def plant(table: pd.DataFrame, kind: str, share: float, clean: LabelErrors) -> pd.DataFrame:
    """Return corrections that give some of the images a wrong class."""
    random = np.random.default_rng(0)
    rows = table.iloc[random.choice(len(table), round(share * len(table)), replace=False)]
    classes = sorted(table["class"].unique())
    if kind == "random":
        wrong = [random.choice([name for name in classes if name != own]) for own in rows["class"]]
    else:
        means = clean.predictions.groupby("class")[classes].mean()
        likest = {name: means.loc[name].drop(name).idxmax() for name in classes}
        wrong = [likest[own] for own in rows["class"]]
    return pd.DataFrame({"filename": rows["filename"], "new_class": wrong})


def measure(
    folder: Path, planted: str, found: LabelErrors, wrong: set[str], seconds: float
) -> Found:
    """Compare what was found with what is wrong."""
    hits = found.suspects["filename"].isin(wrong)
    return Found(
        str(folder),
        planted,
        len(found.predictions),
        len(wrong),
        Evaluation(found.predictions).accuracy,
        len(hits),
        float(hits.mean()),
        float(hits.sum() / len(wrong)) if wrong else np.nan,
        float(hits.head(len(wrong)).mean()),
        seconds,
    )


def planted_errors(folder: Path, count: int, share: float) -> list[Found]:
    """Plant wrong labels in a part of a set, and look for them."""
    images = list_images(folder)
    table = sample_evenly(images, count, seed=0)
    rest = images.loc[~images["filename"].isin(table["filename"]), ["filename"]]
    rest = rest.assign(exclude="yes")
    clean = find_label_errors(folder, corrections=rest)
    measured = []
    for kind in ("random", "similar"):
        changed = plant(table, kind, share, clean)
        begin = perf_counter()
        found = find_label_errors(folder, corrections=pd.concat([rest, changed]))
        seconds = perf_counter() - begin
        measured.append(measure(folder, kind, found, set(changed["filename"]), seconds))
        print(json.dumps(asdict(measured[-1])), flush=True)
    return measured


def two_labels(folder: Path) -> Found:
    """Look for the images of photographs that are in two classes."""
    table, column = add_groups(
        pd.concat(tables_on_disk(folder).values(), ignore_index=True), "copies"
    )
    assert column is not None
    several = table.groupby(column)["class"].transform("nunique") > 1
    doubtful = table[several]
    # Where one class has most of the copies, the label of the others is the wrong one.
    counts = doubtful.groupby([column, "class"])["filename"].transform("size")
    rare = doubtful[counts < counts.groupby(doubtful[column]).transform("max")]
    begin = perf_counter()
    found = find_label_errors(folder)
    seconds = perf_counter() - begin
    suspects = set(found.suspects["filename"])
    in_suspects = table[column].isin(table.loc[table["filename"].isin(suspects), column])
    print(
        f"{len(doubtful)} images of {doubtful[column].nunique()} photographs with two labels; "
        f"{doubtful['filename'].isin(suspects).sum()} images of "
        f"{doubtful.loc[in_suspects, column].nunique()} of them are suspects. "
        f"{rare['filename'].isin(suspects).sum()} of the {len(rare)} that have the rarer label are."
    )
    return measure(folder, "none", found, set(doubtful["filename"]), seconds)


def main() -> None:
    """Read the arguments, measure, print and write JSON."""
    parser = ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folders", nargs="+", type=Path, help="folders with one folder per class")
    parser.add_argument("--count", type=int, default=2000, help="images of each set")
    parser.add_argument("--share", type=float, default=0.05, help="of labels to replace")
    parser.add_argument("--two-labels", action="store_true", help="plant nothing")
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    given = parser.parse_args()
    measured: list[Found] = []
    for folder in given.folders:
        if given.two_labels:
            measured.append(two_labels(folder))
            print(json.dumps(asdict(measured[-1])), flush=True)
        else:
            measured += planted_errors(folder, given.count, given.share)
    save(given.json, found=[asdict(each) for each in measured])


if __name__ == "__main__":
    main()
