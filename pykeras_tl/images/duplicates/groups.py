"""Groups of near-duplicate images, so that a split can keep each group on one side.

Comparing all pairs of a large set takes too long. First an image's most similar candidates
are found cheaply (`candidates`), by their thumbnails and by a bag of visual words, among more than
10,000 images without looking at all of them (`cells`); then each candidate pair is checked by
aligning the images (`matching`); pairs that match are merged.
The result is kept in the disk cache under a hash of the images' contents.
"""

from __future__ import annotations

import hashlib
import logging
import warnings
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from scipy.cluster.hierarchy import DisjointSet

from ...storage.disk_cache import create_entry, evict, find_entries
from ..datasets.array_files import index_column, open_array_file
from ..decoding.content_hash import content_hashes
from ..decoding.reading import read_viewable
from ..progress import progress_bar
from ..threads import default_workers, parallel_for
from .candidates import bow_tfidf, candidates_by_thumbnail, candidates_by_words
from .features import Features, describe
from .matching import same_by_corners, same_in_place

# Candidates per image, and in small sets as many more as this number of pairs allows.
_CANDIDATES = 6
_SMALL_SET = 4000
_CHUNK = 256
# Searching a smaller set takes no longer than a few seconds, so it is not worth a cache entry.
_MIN_CACHED = 500
# To be changed with the algorithm, so that no groups of an older one are used.
_VERSION = 3
# Features of this many images, and the search in them, take 6 GB of memory.
MAX_SEARCHED = 300_000
_FILE = "groups.npy"
_logger = logging.getLogger(__name__)


def duplicate_groups(table: pd.DataFrame, workers: int | None = None) -> pd.DataFrame:
    """Find near-duplicates: copies that may be turned, mirrored, shifted or brighter.

    Pass `groups="group"` to the functions that split a data set to keep copies of one
    photograph on the same side. The groups of 500 images or more are kept in the disk cache, so
    that the same images are searched once.

    For images with little detail (smooth, or smaller than about 100 pixels), copies that were
    mirrored, turned by a multiple of 90 degrees, recompressed or brightened are found; many
    that were shifted or turned by other angles are missed.

    Args:
        table: A table with the column `filename`, as returned by `list_images` or, for images
            in one array file, `array_file_table`.
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
    read = _reader(table)
    # Files with the same content are read once. The order of the contents is that of their
    # hashes, so the groups do not depend on the order of the table.
    contents, of_row = np.unique(_contents(table, read), return_inverse=True)
    key = hashlib.blake2b(f"{_VERSION} {' '.join(contents)}".encode(), digest_size=16).hexdigest()
    groups = _cached(key, len(contents))
    if groups is None:
        first = pd.Series(range(len(table))).groupby(of_row).first().to_numpy()
        groups = _search(read, first, workers or default_workers())
        _store(key, groups)
    return table.assign(group=pd.factorize(groups[of_row])[0])


def find_originals(table: pd.DataFrame, workers: int | None = None) -> list[str] | None:
    """Return the original of each image: the first, by name, of the copies that show the same.

    Unlike the numbers of `duplicate_groups`, the names are the same whatever the order of the
    table, so the results of several calls on the same images can be joined.

    Args:
        table: A table as for `duplicate_groups`.
        workers: Number of threads; by default one per processor.

    Returns:
        One name for each row: a file, or `FILE#INDEX` in an array file. None, with a message,
        if there are more than 300,000 images, whose features would fill the memory.

    Raises:
        BadImageError: If a file is not a readable image.
        ValueError: If the table has no column `filename`.

    Example:
        >>> import cv2
        >>> image = np.random.default_rng(0).integers(0, 255, (60, 80, 3), dtype=np.uint8)
        >>> for name, copy in {"b": image, "a": image[::-1], "c": 255 - image}.items():
        ...     _ = cv2.imwrite(f"{name}.png", copy)
        >>> find_originals(pd.DataFrame({"filename": ["b.png", "c.png", "a.png"]}))
        ['a.png', 'c.png', 'a.png']
    """
    if len(table) > MAX_SEARCHED:
        _logger.info(
            "Copies are not searched for among %s images; duplicate_groups() does so.",
            f"{len(table):,}",
        )
        return None
    grouped = duplicate_groups(table, workers)
    names = grouped["filename"].astype(str)
    if column := index_column(table):
        names = names + "#" + grouped[column].astype(str)
    return names.groupby(grouped["group"]).transform("min").tolist()


def _reader(table: pd.DataFrame) -> Callable[[int], np.ndarray]:
    """Return a function that reads the RGB image of a row of the table."""
    names, column = list(table["filename"]), index_column(table)
    if column is None:
        return lambda row: read_viewable(names[row])
    indices = table[column].tolist()

    def read(row: int) -> np.ndarray:
        image = np.atleast_3d(np.asarray(open_array_file(names[row])[indices[row]]))
        return np.ascontiguousarray(np.broadcast_to(image[..., :3], (*image.shape[:2], 3)))

    return read


def _contents(table: pd.DataFrame, read: Callable[[int], np.ndarray]) -> list[str]:
    """Return a hash of the content of each image."""
    if index_column(table) is None:
        return content_hashes(list(table["filename"]))
    return [
        hashlib.blake2b(read(row).tobytes(), digest_size=16).hexdigest()
        for row in range(len(table))
    ]


def _search(read: Callable[[int], np.ndarray], rows: np.ndarray, workers: int) -> np.ndarray:
    features: dict[int, Features] = {}

    def compute(number: int) -> None:
        features[number] = describe(read(rows[number]))
        advance(1)

    with progress_bar("Searching for copies", len(rows)) as advance:
        parallel_for(compute, len(rows), workers)
    return group_images([features[number] for number in range(len(rows))], workers)


def _cached(key: str, count: int) -> np.ndarray | None:
    for entry in find_entries("groups", key):
        try:
            groups: np.ndarray = np.load(entry / _FILE)
        except (OSError, ValueError):
            continue
        if groups.shape == (count,):
            return groups
    return None


def _store(key: str, groups: np.ndarray) -> None:
    if len(groups) < _MIN_CACHED:
        return
    try:
        if evict(groups.nbytes):
            title = f"groups of copies among {len(groups):,} images"
            with create_entry("groups", key, title) as folder:
                np.save(folder / _FILE, groups)
    except OSError as error:
        warnings.warn(f"The groups of copies are not cached: {error}", stacklevel=3)


def group_images(
    features: Sequence[Features], workers: int | None = None, altered: bool = True
) -> np.ndarray:
    """Find the groups of near-duplicate images by their features.

    Args:
        features: The images' features, as returned by `describe`.
        workers: Number of threads; by default one per processor.
        altered: Whether to search for copies that were altered too.

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
    if len(features) > 1 and altered:
        count = max(_CANDIDATES, _SMALL_SET // len(features))
        groups.merge_matching(candidates_by_thumbnail(features, count), same_in_place)
        words = bow_tfidf(features)
        compared = np.zeros(0, np.int64)
        # The second pass proposes pairs of groups that the first pass left apart.
        for _ in range(2):
            pairs = candidates_by_words(words, groups.numbers(), count)
            keys = pairs @ np.array([len(features), 1])
            groups.merge_matching(pairs[~np.isin(keys, compared)], same_by_corners)
            compared = keys
    return groups.numbers()


class _Groups:
    """Images that are merged into groups, pair by pair."""

    def __init__(self, features: Sequence[Features], workers: int) -> None:
        self._features = features
        self._workers = workers
        self._sets = DisjointSet(range(len(features)))

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
        apart = [(one, other) for one, other in pairs if not self._sets.connected(one, other)]
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
