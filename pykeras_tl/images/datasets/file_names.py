"""Which files and folders count as images and classes, judged by their names."""

from __future__ import annotations

import os

from PIL import Image

from ...storage.shards.index import Source
from ...storage.shards.reading import is_file
from ...storage.shards.table import ShardTable, list_shards
from ..decoding.heif import register_heif

# Keras compares the end of the name, without a dot.
EXTENSIONS = ("png", "jpg", "jpeg", "bmp", "ppm", "tif", "tiff")
# Those that Pillow may be able to read too.
_OTHER_EXTENSIONS = ("webp", "gif", "jfif", "avif", "heic", "heif")
# What operating systems and tools leave behind; so are all names that begin with a dot.
_STRAY = frozenset(
    {
        "__macosx",
        "__pycache__",
        "@eadir",
        "lost+found",
        "$recycle.bin",
        "system volume information",
        "thumbs.db",
        "desktop.ini",
    }
)


def is_image_name(name: str) -> bool:
    """Return whether Keras takes a file for an image: by its extension, in upper or lower case.

    Args:
        name: Name or path of a file.

    Returns:
        True for png, jpg, jpeg, bmp, ppm, tif and tiff.

    Example:
        >>> is_image_name("cell.JPEG"), is_image_name("cell.webp")
        (True, False)
    """
    return name.lower().endswith(EXTENSIONS)


def readable_extensions() -> tuple[str, ...]:
    """Return the extensions of all image files that can be read.

    Returns:
        Keras's extensions, and those of webp, gif, jfif, avif, heic and heif that the installed
        Pillow can read; heic and heif need the package pillow-heif.

    Example:
        >>> "jpg" in readable_extensions(), "gif" in readable_extensions()
        (True, True)
    """
    register_heif()
    # Not cached: other packages may register theirs later.
    known = Image.registered_extensions()
    others = [name for name in _OTHER_EXTENSIONS if known.get(f".{name}") in Image.OPEN]
    return EXTENSIONS + tuple(others)


def unreadable_extensions() -> tuple[str, ...]:
    """Return the extensions of images of known formats that the installed Pillow cannot read.

    Returns:
        Extensions with their dot; none where pillow-heif and a current Pillow are installed.

    Example:
        >>> ".gif" in unreadable_extensions()
        False
    """
    readable = readable_extensions()
    return tuple(f".{name}" for name in _OTHER_EXTENSIONS if name not in readable)


def is_readable_name(name: str) -> bool:
    """Return whether a file is an image that can be read, by its extension.

    Args:
        name: Name or path of a file.

    Returns:
        True for one of `readable_extensions`, in upper or lower case.

    Example:
        >>> is_readable_name("cell.GIF"), is_readable_name("cell.txt")
        (True, False)
    """
    return name.lower().endswith(readable_extensions())


def is_stray_name(name: str) -> bool:
    """Return whether a file or folder is none of the data set's, but left by a tool.

    Args:
        name: Name of the file or folder, without its parents.

    Returns:
        True for names that begin with a dot (`.git`, `.ipynb_checkpoints`, `._photo.jpg`), and
        for `__MACOSX`, `Thumbs.db` and the like.

    Example:
        >>> is_stray_name("._photo.jpg"), is_stray_name("__MACOSX"), is_stray_name("cat")
        (True, True, False)
    """
    return name.startswith(".") or name.lower() in _STRAY


def validate_filename(
    filename: str | os.PathLike[str], white_list_formats: tuple[str, ...] = EXTENSIONS
) -> bool:
    """Return whether a path is that of an existing image file, judged by its extension.

    Args:
        filename: Path of the file.
        white_list_formats: File extensions in lower case.

    Returns:
        True when the name ends in one of the extensions, in upper or lower case, and the file
        exists.

    Example:
        >>> import pathlib
        >>> pathlib.Path("cell.PNG").touch()
        >>> validate_filename("cell.PNG"), validate_filename("cell.PNG", ("jpg",))
        (True, False)

    Source:
        `keras.src.legacy.preprocessing.image.validate_filename`.
    """
    path = os.fspath(filename)
    # Plain text: `flow_from_dataframe` does this for each row of a table.
    return path.lower().endswith(tuple(white_list_formats)) and is_file(path)


def list_packed_images(source: Source, endings: tuple[str, ...]) -> ShardTable:
    """List the images in shards, judged by their names.

    Args:
        source: A folder of shards or its URL, a shard, or several.
        endings: How the names of images end, in lower case.

    Returns:
        The images, without those that a tool left behind.

    Raises:
        FileNotFoundError: When there is no shard.
        ValueError: When no image in them is in a class folder, or two have one name.
        OSError: When a shard cannot be read.

    Example:
        >>> import tarfile
        >>> with tarfile.open("000000.tar", "w") as shard:
        ...     for name in ["cat/1.PNG", "cat/._1.png", "cat/notes.txt"]:
        ...         shard.addfile(tarfile.TarInfo(name))
        >>> list_packed_images("000000.tar", ("png",)).names
        ['cat/1.PNG']
    """

    def accept(name: str) -> bool:
        return name.lower().endswith(endings) and not any(map(is_stray_name, name.split("/")))

    return list_shards(source, accept)
