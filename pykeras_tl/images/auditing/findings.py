"""One look at a folder of images: bad files, uneven classes, copies and leaks."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ...storage.atomic_files import atomic_file
from ..datasets.folders import existing_folder
from ..duplicates.groups import group_images
from ..threads import default_workers
from .copies import find_copies, is_training, leaked_shares
from .examine import Contents, examine
from .layout import list_everything

# A class with fewer images, or one that another outnumbers so many times, is remarked on.
_FEW = 20
_UNEVEN = 10
# What spoils training or its result; the rest is worth knowing.
SERIOUS = ("empty", "truncated", "gigantic", "unreadable", "one class", "across splits",
           "across classes")  # fmt: skip
_COLUMNS = ["problem", "filename", "class", "split", "detail"]


@dataclass(frozen=True)
class Audit:
    """What `audit` found.

    Attributes:
        directory: The folder.
        files: One row an image: `filename`, `class` and `split` ("" for none), `bytes`,
            `format`, `mode`, `width`, `height`, `problem`, `group` (a number that copies
            share, -1 for a file that cannot be read) and `digest` (of the pixels).
        problems: One row a problem: `problem`, `serious`, `filename` ("" where it is not one
            file's), `class`, `split` and `detail`.
        copies: One row for each image and kind of copy, as `find_copies` returns them.
        leaks: For each split but training, how many of its images stand in training.
    """

    directory: Path
    files: pd.DataFrame
    problems: pd.DataFrame
    copies: pd.DataFrame
    leaks: pd.DataFrame

    @property
    def ok(self) -> bool:
        """Whether nothing serious was found."""
        return not self.problems["serious"].any()

    def classes(self) -> pd.DataFrame:
        """Count the images that can be read, a row a class and a column a split."""
        good = self.files[self.files["group"] >= 0]
        return pd.crosstab(good["class"], good["split"].replace("", "images"))

    def summary(self) -> str:
        """Tell in a few lines what was found, the serious first."""
        good = self.files[self.files["group"] >= 0]
        lines = [
            f"{len(self.files):,} images in {self.directory}, {len(good):,} of them readable, "
            f"show {good['group'].nunique():,} different things."
        ]
        by_kind = self.problems.sort_values("serious", ascending=False, kind="stable")
        for problem, rows in by_kind.groupby("problem", sort=False):
            first = rows.iloc[0]
            mark = "!" if first["serious"] else "-"
            lines.append(f"{mark} {problem}: {len(rows):,} (for example {_in_words(first)})")
        for leak in self.leaks[self.leaks["in_training"] > 0].to_dict("records"):
            lines.append(
                f"! {leak['in_training']:,} of {leak['images']:,} images of {leak['split']} "
                f"({leak['share']:.1%}) stand in training, in the same or another shape."
            )
        if len(lines) == 1:
            lines.append("Nothing to remark.")
        return "\n".join(lines)

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write the tables as CSV and a page that shows the pairs.

        Args:
            folder: Where to; made when missing.

        Returns:
            The page's path.

        Raises:
            OSError: When the folder cannot be written.
        """
        from .page import write_page

        target = Path(folder)
        tables = {"files": self.files, "problems": self.problems, "copies": self.copies}
        tables |= {"leaks": self.leaks, "classes": self.classes().reset_index()}
        for name, table in tables.items():
            with atomic_file(target / f"{name}.csv") as path:
                table.to_csv(path, index=False)
        return write_page(self, target / "audit.html")


def audit(
    directory: str | os.PathLike[str],
    splits: Sequence[str] | None = None,
    workers: int | None = None,
) -> Audit:
    """Look at every image under a folder before any training.

    It finds files that are empty, truncated, gigantic, unreadable or of another kind than
    their extension says; images without a class and images that training would pass over;
    classes that are too small or uneven; and copies, also turned, mirrored, moved,
    recompressed or brighter: within a class, across classes (labels that disagree) and across
    splits (test images that stand in training).

    Args:
        directory: A folder with one folder a class, or one a split with the classes in it.
        splits: Names of the folders that are splits. When absent, the folders are splits when
            the names of all begin with train, test, val, dev or holdout.
        workers: Threads to use; as many as there are processors when absent.

    Returns:
        What was found.

    Raises:
        FileNotFoundError: When the folder does not exist.
        ValueError: When a name in `splits` is no folder there, or no image is found.

    Example:
        >>> import tempfile
        >>> from pykeras_tl.images import generate_blood_cells
        >>> folder = generate_blood_cells(Path(tempfile.mkdtemp()), 2, 1, 0, size=(60, 80))
        >>> found = audit(folder)
        >>> found.ok, len(found.files)
        (True, 12)
    """
    images, passed_over = list_everything(directory, splits)
    workers = workers or default_workers()
    contents, features = examine(list(images["filename"]), workers)
    files = pd.concat([images, pd.DataFrame(contents, columns=list(Contents._fields))], axis=1)
    readable = [entry for entry in features if entry is not None]
    can_be_read = [entry is not None for entry in features]
    files["group"] = -1
    files.loc[can_be_read, "group"] = group_images(readable, workers)
    files["digest"] = [entry.digest.hex() if entry else "" for entry in features]
    good = files[files["group"] >= 0]
    copies = find_copies(good)
    problems = pd.concat(
        [_of_files(files), _of_places(files, passed_over), _of_classes(good), _of_copies(copies)],
        ignore_index=True,
    )
    problems.insert(1, "serious", problems["problem"].isin(SERIOUS))
    return Audit(
        existing_folder(directory),
        files.drop(columns="detail"),
        problems,
        copies,
        leaked_shares(good),
    )


def _of_files(files: pd.DataFrame) -> pd.DataFrame:
    bad = files[files["problem"] != ""]
    return bad[_COLUMNS]


def _of_places(files: pd.DataFrame, passed_over: pd.DataFrame) -> pd.DataFrame:
    loose = files[files["class"] == ""].assign(problem="no class", detail="lies in no class folder")
    passed_over = passed_over.assign(
        problem="passed over", detail="is an image, but its name does not end as one"
    )
    return pd.concat([loose, passed_over])[_COLUMNS]


def _of_classes(good: pd.DataFrame) -> pd.DataFrame:
    rows: list[tuple[str, str, str, str, str]] = []
    for split, part in good[good["class"] != ""].groupby("split", sort=False):
        name = str(split)
        counts = part["class"].value_counts()
        if len(counts) == 1:
            rows.append(("one class", "", str(counts.index[0]), name, "is the only class"))
        if name and not is_training(name):
            continue
        for label, count in counts[counts < _FEW].items():
            rows.append(("few images", "", str(label), name, f"has {count} images"))
        if counts.max() > _UNEVEN * counts.min():
            detail = f"has {counts.min()} images, {counts.index[0]} has {counts.max()}"
            rows.append(("uneven classes", "", str(counts.index[-1]), name, detail))
    for column in ("mode", "format"):
        kinds = good[column].value_counts()
        if len(kinds) > 1:
            listed = ", ".join(f"{count} {kind or 'other'}" for kind, count in kinds.items())
            rows.append((f"mixed {column}s", "", "", "", listed))
    sizes = sorted(set(zip(good["width"], good["height"])), key=lambda size: size[0] * size[1])
    if len(sizes) > 1:
        (width, height), (widest, highest) = sizes[0], sizes[-1]
        detail = f"{len(sizes)} sizes from {width}×{height} to {widest}×{highest} pixels"
        rows.append(("mixed sizes", "", "", "", detail))
    return pd.DataFrame(rows, columns=_COLUMNS, dtype=str)


def _of_copies(copies: pd.DataFrame) -> pd.DataFrame:
    exact = copies["exact"].map({True: "equals", False: "shows the same as"})
    table = copies[["relation", "filename", "class", "split"]].assign(
        detail=exact + " " + copies["copy"]
    )
    return table.rename(columns={"relation": "problem"})


def _in_words(row: pd.Series) -> str:
    where = row["filename"] or "/".join(part for part in (row["split"], row["class"]) if part)
    return f"{where} {row['detail']}".strip()
