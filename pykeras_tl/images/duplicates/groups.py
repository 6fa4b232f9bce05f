"""Groups of near-duplicate images, so that a split can keep each group on one side.

Comparing all pairs of a large set takes too long. First an image's most similar candidates
are found cheaply (`candidates`), by their thumbnails and by a bag of visual words; then each
candidate pair is checked by aligning the images (`matching`); pairs that match are merged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from scipy.cluster.hierarchy import DisjointSet

from ..decoding.reading import read_image
from ..progress import progress_bar
from ..threads import default_workers, parallel_for
from .candidates import bow_tfidf, candidates_by_thumbnail, candidates_by_words
from .features import Features, describe
from .matching import same_by_corners, same_in_place

# Candidates per image, and in small sets as many more as this number of pairs allows.
_CANDIDATES = 6
_SMALL_SET = 4000
_CHUNK = 256


def duplicate_groups(table: pd.DataFrame, workers: int | None = None) -> pd.DataFrame:
    """Find near-duplicates: copies that may be turned, mirrored, shifted or brighter.

    Pass `groups="group"` to the functions that split a data set to keep copies of one
    photograph on the same side.

    For images with little detail (smooth, or smaller than about 100 pixels), copies that were
    mirrored, turned by a multiple of 90 degrees, recompressed or brightened are found; many
    that were shifted or turned by other angles are missed.

    Args:
        table: A table with the column `filename`, as returned by `list_images`.
        workers: Number of threads; by default one per processor.

    Returns:
        The table with a column `group`: an integer that copies share, numbered from 0 in the
        order of the rows. An image without a copy is a group of its own.

    Raises:
        BadImageError: If a file is not a readable image; `audit` lists all such files at once.
        ValueError: If the table has no column `filename`.

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
        raise ValueError(
            f"Expected a table with a column 'filename'. Received the columns {list(table)}."
        )
    names = list(table["filename"])
    features: dict[int, Features] = {}

    def read(number: int) -> None:
        features[number] = describe(read_image(names[number]))
        advance(1)

    with progress_bar("Reading", len(names)) as advance:
        parallel_for(read, len(names), workers or default_workers())
    ordered = [features[number] for number in range(len(names))]
    return table.assign(group=group_images(ordered, workers))


def group_images(features: Sequence[Features], workers: int | None = None) -> np.ndarray:
    """Find the groups of near-duplicate images by their features.

    Args:
        features: The images' features, as returned by `describe`.
        workers: Number of threads; by default one per processor.

    Returns:
        The group of each image, numbered from 0 in the images' order; int array of shape
        (images,).

    Example:
        >>> from pykeras_tl.images.duplicates.features import describe
        >>> image = np.random.default_rng(0).integers(0, 255, (60, 80, 3), dtype=np.uint8)
        >>> group_images([describe(image), describe(255 - image), describe(image)]).tolist()
        [0, 1, 0]
    """
    groups = _Groups(features, workers or default_workers())
    digests: dict[bytes, int] = {}
    for number, entry in enumerate(features):
        groups.merge(number, digests.setdefault(entry.digest, number))
    if len(features) > 1:
        count = max(_CANDIDATES, _SMALL_SET // len(features))
        groups.merge_matching(candidates_by_thumbnail(features, count), same_in_place)
        words = bow_tfidf(features)
        # The second pass proposes pairs of groups that the first pass left apart.
        for _ in range(2):
            pairs = candidates_by_words(words, groups.numbers(), count)
            groups.merge_matching(pairs, same_by_corners)
    return groups.numbers()


class _Groups:
    """Images that are merged into groups, pair by pair."""

    def __init__(self, features: Sequence[Features], workers: int) -> None:
        self._features = features
        self._workers = workers
        self._sets = DisjointSet(range(len(features)))
        self._compared: set[tuple[int, int, Callable[[Features, Features], bool]]] = set()

    def merge(self, one: int, other: int) -> None:
        self._sets.merge(one, other)

    def merge_matching(self, pairs: np.ndarray, same: Callable[[Features, Features], bool]) -> None:
        """Merge the pairs for which `same` is true; skip those that are in one group already."""
        with progress_bar("Comparing", len(pairs)) as advance:
            for start in range(0, len(pairs), _CHUNK):
                chunk = pairs[start : start + _CHUNK]
                self._merge_chunk(chunk.tolist(), same)
                advance(len(chunk))

    def _merge_chunk(
        self, pairs: list[list[int]], same: Callable[[Features, Features], bool]
    ) -> None:
        apart = [
            (one, other)
            for one, other in pairs
            if not self._sets.connected(one, other) and (one, other, same) not in self._compared
        ]
        self._compared.update((one, other, same) for one, other in apart)
        matches = [False] * len(apart)

        def compare(number: int) -> None:
            one, other = apart[number]
            matches[number] = same(self._features[one], self._features[other])

        parallel_for(compare, len(apart), self._workers)
        for (one, other), match in zip(apart, matches):
            if match:
                self.merge(one, other)

    def numbers(self) -> np.ndarray:
        """Return the number of each image's group, from 0 in the images' order."""
        roots = np.array([self._sets[number] for number in range(len(self._features))])
        return pd.factorize(roots)[0]
