"""Arrays in one file, read back with a look at what the file says it holds."""

from __future__ import annotations

import math
import os
import zipfile
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy

_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


def read_arrays(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Read the arrays that `np.savez` wrote.

    No object is made of what is in the file, and no more memory is taken than the file is long.

    Args:
        path: The file.

    Returns:
        The arrays by name.

    Raises:
        OSError: When the file cannot be read.
        ValueError: When it is damaged, holds anything but numbers and text, or says that it holds
            more than it does.

    Example:
        >>> np.savez("two.npz", weights=np.ones(2), steps=np.array(7))
        >>> sorted(read_arrays("two.npz"))
        ['steps', 'weights']
    """
    file_name = Path(path)
    try:
        with zipfile.ZipFile(file_name) as archive:
            size = sum(member.file_size for member in archive.infolist())
            if size > file_name.stat().st_size:
                raise ValueError(f"{file_name.name} says that it holds {size:,} bytes, too many")
            for member in archive.infolist():
                with archive.open(member) as file:
                    _check_header(file, member)
        with np.load(file_name, allow_pickle=False) as arrays:
            return dict(arrays)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        raise ValueError(f"{file_name.name} is damaged: {error}") from error


def _check_header(file: IO[bytes], member: zipfile.ZipInfo) -> None:
    read_header = _HEADERS.get(npy.read_magic(file))
    if read_header is None:
        raise ValueError(f"{member.filename} is no array of a kind that is known")
    shape, _, dtype = read_header(file)
    if dtype.hasobject:
        raise ValueError(f"{member.filename} holds objects; they are not read")
    if math.prod(shape) * dtype.itemsize > member.file_size:
        raise ValueError(f"{member.filename} says that it holds {shape} of {dtype}, and does not")
