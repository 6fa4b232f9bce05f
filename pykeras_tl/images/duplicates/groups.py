"""Groups of images that show the same, for splits that keep them on one side."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from ..decoding.reading import read_image
from ..progress import progress_bar
from ..threads import default_workers, parallel_for
from .candidates import bow_tfidf, candidates_by_thumbnail, candidates_by_words
from .features import Features, describe
from .matching import same_by_corners, same_in_place

# Images that each is compared with: in small sets with nearly all.
_EACH = 6
_SMALL_SET = 4000
_CHUNK = 256


def duplicate_groups(table: pd.DataFrame, workers: int | None = None) -> pd.DataFrame:
    """Find the images that are copies of each other, also turned, mirrored, moved or brighter.

    Give the column to the splits as `groups="group"`, and copies of one photograph stay on
    one side.

    Images with little detail (below some 100 pixels, or smooth) are found when they were
    mirrored, turned by quarters, recompressed or made brighter; turned by other angles or
    moved, many of them are missed.

    Args:
        table: Rows with the column `filename`, as `list_images` returns them.
        workers: Threads to use; as many as there are processors when absent.

    Returns:
        The table with the column `group`: a number that copies share, from 0 in the order of
        the rows. An image without a copy is a group of its own.

    Raises:
        BadImageError: When a file is no image; `audit` lists all such files at once.
        ValueError: When the table has no column `filename`.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> import cv2
        >>> from pykeras_tl.images.synthetic import generate_smear
        >>> folder = Path(tempfile.mkdtemp())
        >>> smears = [generate_smear("MONOCYTE", np.random.default_rng(seed)) for seed in (0, 1)]
        >>> smears.append(smears[0][:, ::-1])
        >>> names = [str(folder / f"{number}.png") for number in range(3)]
        >>> written = [cv2.imwrite(name, smear) for name, smear in zip(names, smears)]
        >>> duplicate_groups(pd.DataFrame({"filename": names}))["group"].tolist()
        [0, 1, 0]
    """
    if "filename" not in table:
        raise ValueError(f"The table has no column 'filename'; it has {list(table.columns)}.")
    names = list(table["filename"])
    found: list[Features | None] = [None] * len(names)

    def look(number: int) -> None:
        found[number] = describe(read_image(names[number]))
        advance(1)

    with progress_bar("Reading", len(names)) as advance:
        parallel_for(look, len(names), workers or default_workers())
    features = [entry for entry in found if entry is not None]
    return table.assign(group=group_images(features, workers))


def group_images(features: Sequence[Features], workers: int | None = None) -> np.ndarray:
    """Number the groups of images that show the same.

    Args:
        features: The images' features, as `describe` returns them.
        workers: Threads to use; as many as there are processors when absent.

    Returns:
        The number of each image's group, from 0 in the images' order, int of shape (n,).

    Example:
        >>> from pykeras_tl.images.duplicates.features import describe
        >>> image = np.random.default_rng(0).integers(0, 255, (60, 80, 3), dtype=np.uint8)
        >>> group_images([describe(image), describe(255 - image), describe(image)]).tolist()
        [0, 1, 0]
    """
    joined = _Joined(features, workers or default_workers())
    digests: dict[bytes, int] = {}
    for number, entry in enumerate(features):
        joined.join(number, digests.setdefault(entry.digest, number))
    if len(features) > 1:
        each = max(_EACH, _SMALL_SET // len(features))
        joined.compare(candidates_by_thumbnail(features, each), same_in_place)
        counts = bow_tfidf(features)
        # A second look finds what joins groups that the first left apart.
        for _ in range(2):
            joined.compare(candidates_by_words(counts, joined.groups(), each), same_by_corners)
    return joined.groups()


class _Joined:
    """Images joined into groups, pair by pair."""

    def __init__(self, features: Sequence[Features], workers: int) -> None:
        self._features = features
        self._workers = workers
        self._parents = np.arange(len(features))
        self._compared: set[tuple[int, int, Callable[[Features, Features], bool]]] = set()

    def join(self, one: int, other: int) -> None:
        self._parents[self._root(one)] = self._root(other)

    def compare(self, pairs: np.ndarray, same: Callable[[Features, Features], bool]) -> None:
        """Join those pairs that `same` finds to be, passing over pairs joined already."""
        with progress_bar("Comparing", len(pairs)) as advance:
            for start in range(0, len(pairs), _CHUNK):
                chunk = pairs[start : start + _CHUNK]
                self._compare_chunk(chunk.tolist(), same)
                advance(len(chunk))

    def _compare_chunk(
        self, pairs: list[list[int]], same: Callable[[Features, Features], bool]
    ) -> None:
        apart = [
            (one, other)
            for one, other in pairs
            if self._root(one) != self._root(other) and (one, other, same) not in self._compared
        ]
        self._compared.update((one, other, same) for one, other in apart)
        answers = [False] * len(apart)

        def ask(number: int) -> None:
            one, other = apart[number]
            answers[number] = same(self._features[one], self._features[other])

        parallel_for(ask, len(apart), self._workers)
        for (one, other), answer in zip(apart, answers):
            if answer:
                self.join(one, other)

    def groups(self) -> np.ndarray:
        return pd.factorize(np.array([self._root(number) for number in range(len(self._parents))]))[
            0
        ]

    def _root(self, number: int) -> int:
        while self._parents[number] != number:
            self._parents[number] = self._parents[self._parents[number]]
            number = self._parents[number]
        return number
