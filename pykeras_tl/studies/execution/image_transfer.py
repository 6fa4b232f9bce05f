"""Images for machines that do not see the folder they are in."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pandas as pd
from filelock import FileLock

from ...storage.atomic_files import atomic_directory
from ...storage.shards.reading import file_status, open_file

# Large enough that few objects are needed, small enough for a store in memory.
_BYTES = 64_000_000
Files = list[tuple[str, bytes]]


def image_files(tables: Iterable[pd.DataFrame]) -> dict[str, int]:
    """List the files of tables of images.

    Args:
        tables: Tables with the column `filename`.

    Returns:
        Their sizes in bytes by path, sorted.

    Raises:
        FileNotFoundError: If a file is missing.
    """
    names = sorted({str(name) for table in tables for name in table["filename"]})
    return {name: file_status(name)[0] for name in names}


def sees_files(files: Mapping[str, int]) -> bool:
    """Whether all files are on this machine, with the same sizes.

    Args:
        files: Sizes by path, as `image_files` returns them.
    """
    try:
        return all(file_status(name)[0] == size for name, size in files.items())
    except OSError:
        return False


def read_files(files: Iterable[str]) -> Iterator[Files]:
    """Read files as they are, so that each machine decodes the same bytes.

    Args:
        files: Paths.

    Yields:
        Paths and contents, about 64 MB at a time.
    """
    part: Files = []
    size = 0
    for name in files:
        with open_file(name) as file:
            part.append((name, file.read()))
        size += len(part[-1][1])
        if size >= _BYTES:
            yield part
            part, size = [], 0
    if part:
        yield part


class ReceivedImages:
    """Copies of files from another machine, in a folder for temporary files.

    Args:
        files: Sizes by path on the other machine.
    """

    def __init__(self, files: Mapping[str, int]) -> None:
        digest = hashlib.blake2b(repr(sorted(files.items())).encode(), digest_size=8).hexdigest()
        self._root = os.path.commonpath([Path(name).parent for name in files])
        self.folder = Path(tempfile.gettempdir()) / f"pykeras_tl-images-{digest}"

    def write(self, parts: Iterable[Files]) -> None:
        """Write the copies, unless another process of this machine did.

        Args:
            parts: What `read_files` yields, read only when needed.

        Raises:
            OSError: If the disk is full.
        """
        with FileLock(f"{self.folder}.lock"):
            if self.folder.is_dir():
                return
            with atomic_directory(self.folder) as working:
                for part in parts:
                    for name, content in part:
                        path = working / os.path.relpath(name, self._root)
                        path.parent.mkdir(parents=True, exist_ok=True)
                        path.write_bytes(content)

    def local_tables(self, tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
        """Point tables of images to the copies.

        Args:
            tables: Tables with the column `filename`.

        Returns:
            The tables with other names.
        """
        return {
            split: table.assign(filename=[self._local(str(name)) for name in table["filename"]])
            for split, table in tables.items()
        }

    def remove(self) -> None:
        """Remove the copies from this machine."""
        shutil.rmtree(self.folder, ignore_errors=True)
        Path(f"{self.folder}.lock").unlink(missing_ok=True)

    def restore_names(self, results: Path) -> None:
        """Write the original names into a trial's tables of predictions.

        Args:
            results: The folder of the trial's results.
        """
        for path in results.glob("evaluation/*/predictions.csv"):
            table = pd.read_csv(
                path, dtype=str, keep_default_na=False, encoding_errors="surrogateescape"
            )
            table["filename"] = [self._original(name) for name in table["filename"]]
            table.to_csv(path, index=False, errors="surrogateescape")

    def _local(self, name: str) -> str:
        return str(self.folder / os.path.relpath(name, self._root))

    def _original(self, name: str) -> str:
        return f"{self._root}{os.sep}{os.path.relpath(name, self.folder)}"
