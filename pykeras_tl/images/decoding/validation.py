"""Checking all image files before training starts."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from ..progress import progress_bar
from ..threads import default_workers, parallel_for
from .headers import fits_extension, kind_of
from .reading import BadImageError, check_image, first_bytes, read_image

_MAX_LISTED = 20
# Where files have one fault in common, a few say enough.
EXAMPLES = 3


def check_files(
    paths: Sequence[str],
    workers: int | None = None,
    raise_error: bool = True,
    quick: bool = False,
) -> dict[str, str]:
    """Decode image files to find those that are missing, corrupt, truncated, empty or too large.

    Files of another image format than their extension says can be read nevertheless; there is
    only a warning.

    Args:
        paths: The files.
        workers: Number of threads; one for each available processor when None.
        raise_error: Whether to raise an error when there is a bad file.
        quick: Whether to decode thumbnails only and compare checksums, as `check_image` does.

    Returns:
        Path and reason of each bad file, in the order of `paths`.

    Raises:
        BadImageError: When there are bad files and `raise_error` is true; it lists them.

    Example:
        >>> for name in ["empty.png", "text.png"]:
        ...     with open(name, "w") as file:
        ...         _ = file.write(name[:4] if name == "text.png" else "")
        >>> check_files(["empty.png", "text.png"], raise_error=False)
        {'empty.png': 'is empty',
         'text.png': "is not a readable image: its content begins with b'text'"}
    """
    reasons: list[str | None] = [None] * len(paths)
    mislabeled: list[str] = []
    check: Callable[[str], object] = check_image if quick else read_image

    def check_file(number: int) -> None:
        path = paths[number]
        try:
            check(path)
            kind = kind_of(first_bytes(path))
        except BadImageError as error:
            reasons[number] = error.reason
        except OSError as error:
            reasons[number] = f"cannot be read: {error.strerror or error}"
        else:
            if kind and not fits_extension(kind, path):
                mislabeled.append(f"{path} ({kind})")
        advance(1)

    with progress_bar("Checking", len(paths)) as advance:
        parallel_for(check_file, len(paths), workers or default_workers())
    bad = {path: reason for path, reason in zip(paths, reasons, strict=True) if reason}
    if mislabeled:
        warnings.warn(
            f"{len(mislabeled)} image files have another format than their extension says: "
            f"{_listed(sorted(mislabeled))}. They can be read nevertheless.",
            stacklevel=2,
        )
    if bad and raise_error:
        listed = list_bad_files(bad)
        raise BadImageError(
            f"{len(bad)} of {len(paths)} image files:",
            f'cannot be used: {listed}. Remove them, or set on_bad="skip"',
        )
    return bad


def bad_files_table(reasons: Mapping[str, str]) -> pd.DataFrame:
    """Return the table of bad files.

    Args:
        reasons: Path and reason of each file.

    Returns:
        Table with the columns `filename` and `reason`.

    Example:
        >>> bad_files_table({"1.png": "is empty"})
          filename    reason
        0    1.png  is empty
    """
    return pd.DataFrame({"filename": list(reasons), "reason": list(reasons.values())}, dtype=str)


def list_bad_files(reasons: Mapping[str, str], most: int = _MAX_LISTED) -> str:
    """Name bad files in one line, the first of them.

    Args:
        reasons: Path and reason of each file.
        most: How many to name.

    Returns:
        The line.

    Example:
        >>> list_bad_files({"1.png": "is empty"})
        '1.png is empty'
    """
    return _listed([f"{path} {reason}" for path, reason in reasons.items()], most)


def _listed(items: Sequence[str], most: int = _MAX_LISTED) -> str:
    more = f"; and {len(items) - most} more" if len(items) > most else ""
    return "; ".join(items[:most]) + more
