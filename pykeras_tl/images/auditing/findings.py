"""Audit of a directory of images: bad files, unbalanced classes, copies and leaks."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ...storage.atomic_files import atomic_file
from ...visualization.rich_display import Display, Displayed
from ..datasets.directory_tree import folder_or_url
from ..decoding.value_range import ADVICE
from ..duplicates.groups import MAX_SEARCHED, group_images
from ..threads import default_workers
from .copies import find_copies, is_training, leaked_shares
from .examine import FileContent, examine, examine_on_cluster
from .layout import list_everything
from .quality import Quality, find_quality_problems
from .review import choose_images, write_review

# A class with fewer images, or one that is this many times smaller than another, is reported.
_FEW = 20
_UNEVEN = 10
# Problems that spoil training or its result; the others are worth knowing.
SERIOUS = ("empty", "truncated", "gigantic", "unreadable", "bit depth", "only in alpha",
           "blank", "one class", "across splits", "across classes")  # fmt: skip
_logger = logging.getLogger(__name__)
_COLUMNS = ["problem", "filename", "class", "split", "detail"]


@dataclass(frozen=True, repr=False)
class Audit(Displayed):
    """The result of `audit`.

    Attributes:
        directory: The directory, or its URL.
        files: One row per image, with the columns `filename`, `class` and `split` ("" if there
            is none), `bytes`, `format`, `mode`, `width`, `height`, `problem`, `group` (an
            integer that copies share, -1 for a file that cannot be read), `digest` (of the
            pixels), and the measures of its thumbnail `darkest`, `brightest`, `contrast`,
            `entropy` and `sharpness`.
        problems: One row per problem, with the columns `problem`, `serious`, `filename` ("" if
            it does not concern a single file), `class`, `split` and `detail`.
        copies: One row per image and kind of copy, as returned by `find_copies`.
        leaks: The number of images with copies in training, for each other split.
    """

    directory: Path | str
    files: pd.DataFrame
    problems: pd.DataFrame
    copies: pd.DataFrame
    leaks: pd.DataFrame

    @property
    def ok(self) -> bool:
        """Whether there is no serious problem."""
        return not self.problems["serious"].any()

    def _display(self) -> Display:
        kinds = self.problems.groupby(["problem", "serious"], sort=False).size()
        tables = {
            "Problems": kinds.rename("count").reset_index(),
            "Distinct images": self.distinct().reset_index(),
            "Images with copies in training": self.leaks,
        }
        verdict = "nothing serious" if self.ok else "serious problems"
        facts = {"directory": str(self.directory), "images": len(self.files), "found": verdict}
        return Display("Audit", facts, tables)

    def classes(self) -> pd.DataFrame:
        """Return the number of readable images, with a row per class and a column per split."""
        good = self._readable
        return pd.crosstab(good["class"], good["split"].replace("", "images"))

    def distinct(self) -> pd.DataFrame:
        """Return the number of distinct images, with a row per class and a column per split.

        All copies of an image count as one. Where copies are in two classes or splits, each
        counts one.
        """
        good = self._readable.drop_duplicates(["split", "class", "group"])
        return pd.crosstab(good["class"], good["split"].replace("", "images"))

    @property
    def _readable(self) -> pd.DataFrame:
        return self.files[self.files["group"] >= 0]

    def summary(self) -> str:
        """Return the findings in a few lines, serious problems first."""
        good = self._readable
        lines = [
            f"{len(self.files):,} images in {self.directory}, {len(good):,} of them readable, "
            f"{good['group'].nunique():,} distinct."
        ]
        if good["group"].duplicated().any():
            for split in sorted(set(good["split"]) - {""}):
                groups = good.loc[good["split"] == split, "group"]
                lines.append(f"  {split}: {len(groups):,} images, {groups.nunique():,} distinct")
        findings = len(lines)
        by_kind = self.problems.sort_values("serious", ascending=False, kind="stable")
        for problem, rows in by_kind.groupby("problem", sort=False):
            first = rows.iloc[0]
            mark = "!" if first["serious"] else "-"
            lines.append(f"{mark} {problem}: {len(rows):,} (for example {_describe(first)})")
            if problem == "bit depth":
                lines.append(f"  Flows read such files with {ADVICE}.")
        for leak in self.leaks[self.leaks["in_training"] > 0].to_dict("records"):
            lines.append(
                f"! {leak['in_training']:,} of {leak['images']:,} images of {leak['split']} "
                f"({leak['share']:.1%}) have copies in training."
            )
        if len(lines) == findings:
            lines.append("No problems found.")
        return "\n".join(lines)

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write the tables as CSV files, and two HTML pages.

        `audit.html` shows the findings and pairs of copies. `review.html` shows the images, to
        filter and to mark those to leave out or to relabel; it saves the marks as a table that
        `train_classifier` and `list_images` take as `corrections`. Of more than 2,000 images it
        shows those with problems, then others.

        Args:
            folder: The directory to write to, created if missing.

        Returns:
            The path of the first page.

        Raises:
            OSError: If the directory is not writable.
        """
        from .page import write_page

        target = Path(folder)
        tables = {"files": self.files, "problems": self.problems, "copies": self.copies}
        tables |= {"leaks": self.leaks, "classes": self.classes().reset_index()}
        tables |= {"distinct": self.distinct().reset_index()}
        for name, table in tables.items():
            with atomic_file(target / f"{name}.csv") as path:
                # Names on disk may hold bytes that are not valid UTF-8.
                table.to_csv(path, index=False, errors="surrogateescape")
        self._write_review(target / "review.html")
        return write_page(self, target / "audit.html")

    def _write_review(self, path: Path) -> None:
        problems = self.problems[self.problems["filename"] != ""]
        issues = problems.groupby("filename")["problem"].agg(
            lambda names: "\n".join(dict.fromkeys(names))
        )
        serious = problems.groupby("filename")["serious"].max().astype(int) + 1
        good = self._readable
        images = good.assign(
            issues=good["filename"].map(issues).astype(object).fillna(""),
            seriousness=good["filename"].map(serious).fillna(0),
        )
        write_review(
            path,
            choose_images(images),
            self.directory,
            sorted(set(good["class"]) - {""}),
            title=f"Images of {Path(self.directory).name}",
            total=len(images),
        )


def audit(
    directory: str | os.PathLike[str],
    splits: Sequence[str] | None = None,
    workers: int | None = None,
    cluster: str | None = None,
) -> Audit:
    """Check all images in a directory before training.

    It finds files that are empty, truncated, gigantic, unreadable or have the wrong extension;
    images that become blank or lose values as 8-bit colors (16-bit and floating-point images,
    shapes in the alpha channel), that are turned by their EXIF orientation, or animated;
    images that are blank, dark, overexposed, blurred, or of an odd shape or size; images without a
    class, and images that training would skip; what tools left behind, such as
    `.ipynb_checkpoints`; classes that are empty, too small or unbalanced; and copies, which may
    be turned, mirrored, shifted, recompressed or brighter: within a class, across classes
    (contradictory labels) and across splits (test images that are also in training). Among more
    than 300,000 images, only copies with equal pixels are searched for.

    Args:
        directory: A directory with one directory per class, or one per split with the classes
            in it; or the shards that `pack_images` made of it, or their URL.
        splits: Names of the directories that are splits. By default, they are recognized by
            their names, such as TRAIN, test2017 or val, and by what is in them.
        workers: Number of threads; by default one per processor.
        cluster: The Ray cluster that reads the images, as for `run_study`. Its machines find
            them by the same paths.

    Returns:
        The findings.

    Raises:
        FileNotFoundError: If the directory does not exist.
        ValueError: If a name in `splits` is not one of its directories, or there is no image.

    Example:
        >>> import tempfile
        >>> from pykeras_tl.images import generate_blood_cells
        >>> folder = generate_blood_cells(Path(tempfile.mkdtemp()), 2, 1, 0, size=(60, 80))
        >>> result = audit(folder)
        >>> result.ok, len(result.files)
        (True, 12)
    """
    images, remarks = list_everything(directory, splits)
    workers = workers or default_workers()
    names = images["filename"].tolist()
    few = len(names) <= MAX_SEARCHED
    contents, features = (
        examine_on_cluster(names, cluster, digests_only=not few)
        if cluster
        else examine(names, workers, digests_only=not few)
    )
    files = pd.concat(
        [
            images,
            pd.DataFrame(contents, columns=list(FileContent._fields)).drop(columns="quality"),
            pd.DataFrame([entry.quality for entry in contents], columns=list(Quality._fields)),
        ],
        axis=1,
    )
    readable = [entry for entry in features if entry is not None]
    can_be_read = [entry is not None for entry in features]
    files["group"] = -1
    if not few:
        _logger.warning(
            "Among %s images, only copies with equal pixels are searched for. Audit parts of the "
            "set to find altered ones.",
            f"{len(readable):,}",
        )
    files.loc[can_be_read, "group"] = group_images(readable, workers, altered=few)
    files["digest"] = [entry.digest.hex() if entry else "" for entry in features]
    good = files[files["group"] >= 0]
    copies = find_copies(good)
    problems = pd.concat(
        [
            _file_problems(files),
            find_quality_problems(good),
            _layout_problems(files, remarks),
            _class_problems(good),
            _copy_problems(copies),
        ],
        ignore_index=True,
    )
    problems.insert(1, "serious", problems["problem"].isin(SERIOUS))
    return Audit(
        folder_or_url(directory),
        files.drop(columns=["detail", "others"]),
        problems,
        copies,
        leaked_shares(good),
    )


def _file_problems(files: pd.DataFrame) -> pd.DataFrame:
    bad = files[files["problem"] != ""]
    columns = (files[name] for name in ("filename", "class", "split", "others"))
    rows = [
        (problem, name, label, split, detail)
        for name, label, split, others in zip(*columns)
        for problem, detail in others
    ]
    return pd.concat([bad[_COLUMNS], pd.DataFrame(rows, columns=_COLUMNS, dtype=str)])


def _layout_problems(files: pd.DataFrame, remarks: pd.DataFrame) -> pd.DataFrame:
    loose = files[files["class"] == ""].assign(
        problem="no class", detail="is not in a class directory"
    )
    return pd.concat([loose, remarks])[_COLUMNS]


def _class_problems(good: pd.DataFrame) -> pd.DataFrame:
    rows: list[tuple[str, str, str, str, str]] = []
    for split, part in good[good["class"] != ""].groupby("split", sort=False):
        name = str(split)
        counts = part["class"].value_counts()
        if len(counts) == 1:
            rows.append(("one class", "", str(counts.index[0]), name, "is the only class"))
        distinct = part.groupby("class", sort=False)["group"].nunique()
        for label, count in zip(distinct.index, distinct):
            if count < _FEW <= counts[label]:
                detail = f"has {counts[label]:,} images, {count} distinct"
                rows.append(("few distinct images", "", str(label), name, detail))
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


def _copy_problems(copies: pd.DataFrame) -> pd.DataFrame:
    exact = copies["exact"].map({True: "equals", False: "is a near-duplicate of"})
    table = copies[["relation", "filename", "class", "split"]].assign(
        detail=exact + " " + copies["copy"]
    )
    return table.rename(columns={"relation": "problem"})


def _describe(row: pd.Series) -> str:
    where = row["filename"] or "/".join(part for part in (row["split"], row["class"]) if part)
    return f"{where} {row['detail']}".strip()
