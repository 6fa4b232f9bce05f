"""Looking at all image files before training starts."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

import pandas as pd

from ..threads import default_workers, parallel_for
from .headers import fits_extension, kind_of
from .reading import BadImageError, first_bytes, read_image

_MOST_NAMED = 20


def check_files(
    paths: Sequence[str], workers: int | None = None, raise_error: bool = True
) -> dict[str, str]:
    """Decode image files and find those that are missing, corrupt, cut off, empty or gigantic.

    A file whose content is an image of another kind than its extension says can be read; it
    is only warned of.

    Args:
        paths: The files.
        workers: Threads to use; as many as there are processors when absent.
        raise_error: Whether to raise an error when there is a bad file.

    Returns:
        The reason for each bad file, in the order of `paths`.

    Raises:
        BadImageError: When there are bad files and `raise_error` is set; it names them.

    Example:
        >>> check_files([__file__], raise_error=False)[__file__][:26]
        'is not an image that can b'
    """
    reasons: list[str | None] = [None] * len(paths)
    mislabelled: list[str] = []

    def look_at(number: int) -> None:
        path = paths[number]
        try:
            read_image(path)
            kind = kind_of(first_bytes(path))
        except BadImageError as error:
            reasons[number] = error.reason
        except OSError as error:
            reasons[number] = f"cannot be read: {error.strerror or error}"
        else:
            if kind and not fits_extension(kind, path):
                mislabelled.append(f"{path} ({kind})")

    parallel_for(look_at, len(paths), workers or default_workers())
    bad = {path: reason for path, reason in zip(paths, reasons, strict=True) if reason}
    if mislabelled:
        warnings.warn(
            f"{len(mislabelled)} image files are of another kind than their extension says: "
            f"{_listed(sorted(mislabelled))}. They can be read all the same.",
            stacklevel=2,
        )
    if bad and raise_error:
        named = _listed([f"{path} {reason}" for path, reason in bad.items()])
        raise BadImageError(
            f"{len(bad)} of {len(paths)} image files:",
            f'cannot be used: {named}. Remove them, or set on_bad="skip"',
        )
    return bad


def bad_files_table(reasons: Mapping[str, str]) -> pd.DataFrame:
    """Make a table of bad files.

    Args:
        reasons: The reason for each file.

    Returns:
        Columns `filename` and `reason`.

    Example:
        >>> list(bad_files_table({"1.png": "is empty"}).columns)
        ['filename', 'reason']
    """
    return pd.DataFrame({"filename": list(reasons), "reason": list(reasons.values())}, dtype=str)


def _listed(items: Sequence[str]) -> str:
    more = f"; and {len(items) - _MOST_NAMED} more" if len(items) > _MOST_NAMED else ""
    return "; ".join(items[:_MOST_NAMED]) + more
