"""Packing a folder of images into shards."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from ..storage.atomic_files import atomic_directory
from ..storage.shards.index import SUMS, index_line, index_text
from .datasets.directory_tree import existing_folder
from .datasets.folders import list_images
from .datasets.split_folders import check_usable, find_splits
from .progress import progress_bar


def pack_images(
    directory: str | os.PathLike[str],
    out: str | os.PathLike[str],
    shard_megabytes: float = 256,
    seed: int = 0,
) -> Path:
    """Pack a folder of images into shards: a few large tar files in place of many small ones.

    Copying, uploading and reading a few large files is faster where each file costs time, as on
    network drives and in object stores. The files are packed as they are, by the names
    `CLASS/…`, and mixed at random, as programs expect that read shards from front to back.
    `tar -xf` unpacks them. Beside each shard is its index, as NVIDIA DALI's `wds2idx` writes it,
    and `SHA256SUMS`, as `sha256sum` does.

    Args:
        directory: A folder with one subfolder for each class, as `list_images` takes it; or one
            with such a folder for each split, which become folders of shards of their own.
        out: The folder to write, which must not exist.
        shard_megabytes: About how large a shard becomes, in millions of bytes.
        seed: Decides how the images are mixed.

    Returns:
        The path of `out`, for `flow_from_shards`.

    Raises:
        FileExistsError: When `out` exists.
        ValueError: When there is no image, a name has a line break, or `shard_megabytes` is not
            above 0.

    Example:
        >>> from PIL import Image
        >>> for name in ["cat", "dog"]:
        ...     os.makedirs(f"pets/{name}")
        ...     Image.new("RGB", (9, 9)).save(f"pets/{name}/1.png")
        >>> sorted(path.name for path in pack_images("pets", "packed").iterdir())
        ['000000.idx', '000000.tar', 'SHA256SUMS']
        >>> list_images("packed")["class"].tolist()
        ['cat', 'dog']
    """
    if not shard_megabytes > 0:
        raise ValueError(f"Expected shard_megabytes to be above 0. Received: {shard_megabytes!r}.")
    root, target = existing_folder(directory), Path(out).expanduser().absolute()
    if target.exists():
        raise FileExistsError(f"{target} already exists. Choose another folder.")
    splits = find_splits(root)
    if splits is not None:
        check_usable(splits, root)
    with atomic_directory(target) as folder:
        for name in splits.roles if splits else [""]:
            (folder / name).mkdir(exist_ok=True)
            files = list_images(root / name)["filename"].tolist()
            _pack(files, root / name, folder / name, int(shard_megabytes * 1e6), seed)
    return target


def _pack(files: Sequence[str], root: Path, folder: Path, most: int, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(files))
    start = len(os.path.join(root, ""))  # noqa: PTH118
    sums: list[str] = []
    with progress_bar("Packing", len(files)) as advance:
        rows = iter(order.tolist())
        row = next(rows, None)
        while row is not None:
            with _new_shard(folder, len(sums), sums) as (tar, lines):
                while row is not None and (not lines or tar.offset < most):
                    name = files[row][start:].replace(os.sep, "/")
                    lines.append(_add(tar, files[row], name))
                    advance(1)
                    row = next(rows, None)
    (folder / SUMS).write_text("".join(sums), encoding="utf-8")


@contextmanager
def _new_shard(
    folder: Path, number: int, sums: list[str]
) -> Iterator[tuple[tarfile.TarFile, list[str]]]:
    path, lines = folder / f"{number:06d}.tar", list[str]()
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as tar:
        yield tar, lines
    text = index_text(lines)
    path.with_suffix(".idx").write_text(text, encoding="utf-8", errors="surrogateescape")
    with path.open("rb") as file:
        sums.append(f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {path.name}\n")


def _add(tar: tarfile.TarFile, file: str, name: str) -> str:
    if "\n" in name:
        raise ValueError(f"Expected file names without line breaks. Received: {name!r}.")
    content = Path(file).read_bytes()
    # Nothing but name, size and content, so that the same images give the same shards.
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))
    padding = -len(content) % tarfile.BLOCKSIZE
    return index_line(name, tar.offset - padding - len(content), len(content))
