"""Folders that are the splits of a data set: train, test, validation, and the like."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from ...storage.shards.index import folders_at, has_shards, is_url
from .directory_tree import class_folders, has_images
from .file_names import is_stray_name

TRAINING, VALIDATION, TEST = "training", "validation", "test"
# A word for a split at the start of the name or after a digit or sign: TRAIN, TEST_SIMPLE,
# test2017, 01-train, validation_set, TrainingImages; but not "trainer" or "valley".
_SPLIT = re.compile(
    r"(?:.*?[^a-z])??"
    r"(?:(?P<training>train(?:ing|val)?)|(?P<validation>val(?:id(?:ation)?)?|dev(?:elopment)?)"
    r"|(?P<test>test(?:ing|s)?|eval(?:uation)?|hold[ _-]?out))"
    r"(?:sets?|data|images?|pictures?|[ab])?(?:[^a-z].*)?",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True)
class SplitFolders:
    """The folders of a data set that are its splits.

    Attributes:
        roles: "training", "validation" or "test" for each folder that is a split, by its name.
        others: Names of the other folders that hold images; splits and classes are mixed if
            there is any.
    """

    roles: Mapping[str, str]
    others: tuple[str, ...] = ()

    def of(self, role: str) -> list[str]:
        """Return the names of the folders with a role.

        Args:
            role: "training", "validation" or "test".

        Returns:
            The names, sorted.
        """
        return [name for name, each in self.roles.items() if each == role]


def split_role(name: str) -> str | None:
    """Return what a folder is for, if its name is that of a split.

    Args:
        name: The folder's name, in upper or lower case.

    Returns:
        "training", "validation" or "test"; None for other names.

    Example:
        >>> [split_role(name) for name in ("TRAIN", "val2017", "TEST_SIMPLE", "valley")]
        ['training', 'validation', 'test', None]
    """
    match = _SPLIT.fullmatch(name)
    return match.lastgroup if match else None


def find_splits(root: Path | str) -> SplitFolders | None:
    """Recognize the folders that are splits, by their names and by what is in them.

    Folders without images, and those that tools leave behind, do not count. The folders are
    splits if all of them have names of splits; or if one for training and another one do, and
    both hold class folders.

    Args:
        root: An existing folder, or the URL of shards or of one folder of shards for each split.

    Returns:
        The splits; None if the folders in `root` are classes, or there is none.

    Example:
        >>> for name in ["train/cat/1.png", "test/cat/2.png", ".git/3.png"]:
        ...     (Path("pets") / name).parent.mkdir(parents=True)
        ...     (Path("pets") / name).touch()
        >>> dict(find_splits(Path("pets")).roles)
        {'test': 'test', 'train': 'training'}
        >>> find_splits(Path("pets") / "train") is None
        True
    """
    if is_url(root):
        found = {name: role for name in folders_at(str(root)) if (role := split_role(name))}
        return SplitFolders(found) if found else None
    root = Path(root)
    folders = [name for name in class_folders(root) if not is_stray_name(name)]
    roles = {name: role for name in folders if (role := split_role(name))}
    if not roles:
        return None
    roles = {name: role for name, role in roles.items() if _has_content(root / name)}
    others = tuple(name for name in folders if name not in roles and _has_content(root / name))
    nested = {name: role for name, role in roles.items() if _has_class_folders(root / name)}
    if others:
        if TRAINING in nested.values() and len(set(nested.values())) > 1:
            flat = tuple(name for name in roles if name not in nested)
            return SplitFolders(MappingProxyType(nested), tuple(sorted(others + flat)))
        return None
    if roles and (TRAINING in roles.values() or nested == roles):
        return SplitFolders(MappingProxyType(roles))
    return None


def check_usable(splits: SplitFolders, root: Path | str) -> None:
    """Raise `ValueError` when it is not clear what to train on, or how to validate.

    Args:
        splits: The splits, as `find_splits` returns them.
        root: The folder that holds them.

    Raises:
        ValueError: When there are other folders with images, no split for training, or several
            for training or for validation.

    Example:
        >>> check_usable(SplitFolders({"test": "test"}), Path("pets"))
        Traceback (most recent call last):
        ValueError: Expected one folder for training and at most one for validation in pets.
        Received: none for training and none for validation (test: test).
    """
    if splits.others:
        raise ValueError(
            f"Expected either splits or classes in {root}. Received: the splits "
            f"{' and '.join(splits.roles)}, and beside them {', '.join(splits.others)}, which "
            "hold images too. Move these folders elsewhere."
        )
    training, validation = splits.of(TRAINING), splits.of(VALIDATION)
    if len(training) != 1 or len(validation) > 1:
        listed = ", ".join(f"{name}: {role}" for name, role in splits.roles.items())
        raise ValueError(
            f"Expected one folder for training and at most one for validation in {root}. "
            f"Received: {' and '.join(training) or 'none'} for training and "
            f"{' and '.join(validation) or 'none'} for validation ({listed})."
        )


def check_no_splits(root: Path) -> None:
    """Raise `ValueError` when the folders in `root` are splits and not classes.

    Args:
        root: An existing folder.

    Raises:
        ValueError: When they are; it says which ones.

    Example:
        >>> for name in ["train/cat/1.png", "test/cat/2.png"]:
        ...     (Path("dogs") / name).parent.mkdir(parents=True)
        ...     (Path("dogs") / name).touch()
        >>> check_no_splits(Path("dogs"))
        Traceback (most recent call last):
        ValueError: Expected one folder for each class in dogs. Received: the splits test and
        train. Use one of them, such as dogs/train, or list the folders in classes=[…] if they
        are classes.
    """
    splits = find_splits(root)
    if splits is not None:
        names = list(splits.roles)
        one = (splits.of(TRAINING) or names)[0]
        raise ValueError(
            f"Expected one folder for each class in {root}. Received: the splits "
            f"{' and '.join(names)}. Use one of them, such as {root / one}, or list the folders in "
            "classes=[…] if they are classes."
        )


def _has_content(folder: Path) -> bool:
    return has_images(folder) or has_shards(folder)


def _has_class_folders(folder: Path) -> bool:
    return any(
        has_images(folder / name) for name in class_folders(folder) if not is_stray_name(name)
    )
