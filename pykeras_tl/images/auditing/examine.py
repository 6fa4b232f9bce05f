"""The content of each image file: format, size, and whether it can be decoded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from ...storage.shards.reading import file_status
from ..cluster import map_on_machines, require_files
from ..decoding.headers import fits_extension, kind_of
from ..decoding.reading import BadImageError, first_bytes, read_image
from ..duplicates.features import Features, describe
from ..progress import progress_bar
from ..threads import default_workers, parallel_for
from .peculiarities import find_peculiarities
from .quality import Quality, measure


class FileContent(NamedTuple):
    """The content of a file.

    Attributes:
        bytes: Size of the file.
        format: "JPEG", "PNG" and so on, by the first bytes; "" if unknown.
        mode: Color mode as in Pillow ("RGB", "L", "P", "I;16"); "" if unreadable.
        width: Width in pixels, 0 if unreadable.
        height: Height in pixels, 0 if unreadable.
        problem: "" or one of "empty", "truncated", "gigantic", "unreadable", "wrong extension".
        detail: A description of the problem.
        others: Further problems and their details, as `find_peculiarities` returns them.
        quality: What `measure` returns; not numbers if unreadable.
    """

    bytes: int
    format: str
    mode: str
    width: int
    height: int
    problem: str
    detail: str
    others: tuple[tuple[str, str], ...] = ()
    quality: Quality = Quality()


Found = tuple[list[FileContent], list[Features | None]]
# Files that a machine of a cluster reads at a time.
_PART = 1024


def examine_on_cluster(names: Sequence[str], address: str, digests_only: bool = False) -> Found:
    """Read image files on the machines of a Ray cluster, which find them by the same paths.

    Args:
        names: The files.
        address: As for `connect`.
        digests_only: As for `examine`.

    Returns:
        What `examine` returns.

    Raises:
        FileNotFoundError: If a machine does not see a file.
    """
    contents: list[FileContent] = []
    features: list[Features | None] = []
    parts = [names[start : start + _PART] for start in range(0, len(names), _PART)]
    with progress_bar("Reading", len(names)) as advance:
        for some, described in map_on_machines(partial(_examiner, digests_only), parts, address):
            contents += some
            features += described
            advance(len(some))
    return contents, features


def _examiner(digests_only: bool) -> Callable[[Sequence[str]], Found]:
    def work(names: Sequence[str]) -> Found:
        require_files(names)
        return examine(names, default_workers(), digests_only)

    return work


def examine(names: Sequence[str], workers: int, digests_only: bool = False) -> Found:
    """Read image files, in several threads.

    Args:
        names: The files.
        workers: Number of threads.
        digests_only: Whether to keep no more of the features than the digest of the pixels.

    Returns:
        The content of each file, and each image's features for finding copies, or None for a
        file that cannot be read.

    Example:
        >>> contents, features = examine([__file__], workers=1)
        >>> contents[0].problem, features
        ('unreadable', [None])
    """
    contents: list[FileContent | None] = [None] * len(names)
    features: list[Features | None] = [None] * len(names)

    def read(number: int) -> None:
        contents[number], described = _examine(names[number])
        features[number] = described.without_arrays() if described and digests_only else described
        advance(1)

    with progress_bar("Reading", len(names)) as advance:
        parallel_for(read, len(names), workers)
    return [entry for entry in contents if entry is not None], features


def _examine(name: str) -> tuple[FileContent, Features | None]:
    size, kind = 0, ""
    try:
        size = file_status(name)[0]
        kind = kind_of(first_bytes(name)) or ""
        image = read_image(name)
        mode, others, meant = find_peculiarities(name, image)
    except BadImageError as error:
        return FileContent(size, kind, "", 0, 0, _problem(error.reason), error.reason), None
    except OSError as error:
        return FileContent(size, kind, "", 0, 0, "unreadable", str(error)), None
    problem = detail = ""
    if kind and not fits_extension(kind, name):
        problem, detail = "wrong extension", f"is a {kind} file"
    height, width = image.shape[:2]
    # Images that are blank only because of what is lost are no copies of each other.
    features = describe(meant)
    contents = FileContent(
        size, kind, mode, width, height, problem, detail, tuple(others), measure(features.small)
    )
    return contents, features


def _problem(reason: str) -> str:
    for words, problem in (
        ("is empty", "empty"),
        ("truncated", "truncated"),
        ("gigantic", "gigantic"),
        ("too large", "gigantic"),
        ("decompression bomb", "gigantic"),
    ):
        if words in reason:
            return problem
    return "unreadable"
