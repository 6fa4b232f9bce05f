"""Candidate pairs: the images that are worth comparing, without comparing all pairs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from scipy import sparse
from sklearn.preprocessing import normalize

from .cells import entries_by_cell, nearest_pivots, nearest_words
from .features import TINY, Features
from .matching import dihedral_transforms

_ROWS = 1024
_MIN_SIMILARITY = 0.75
# Among up to this many images, all are compared by their thumbnails, and all words.
_EXHAUSTIVE = 10_000
# Of more images, thumbnails lie in cells of this many on average, and each is compared with those
# in this many of the nearest cells and orientations. Measured on 22,000 images: of the 676 pairs of
# copies that comparing all thumbnails finds, all are found; with 8 probes, 674.
_IN_CELL = 2048
_PROBES = 16
# Where to find each pixel of a thumbnail's eight orientations in the upright one, and back.
_PIXELS = np.arange(TINY * TINY).reshape(TINY, TINY)
_TURNED = np.stack([pixels.ravel() for pixels in dihedral_transforms(_PIXELS)])
_BACK = _TURNED.argsort(axis=1)


def bow_tfidf(features: Sequence[Features], seed: int = 0) -> sparse.csr_matrix:
    """Return each image's bag of visual words, weighted by TF-IDF.

    The codebook is a random sample of the images' own descriptors, which is as good here as
    cluster centres and needs no clustering. Each descriptor counts as the nearest word.

    Args:
        features: The images' features.
        seed: Seed of the codebook's sample.

    Returns:
        Sparse float32 matrix of shape (images, words), its rows of length 1 (or 0 for an image
        without corners).

    Example:
        >>> from pykeras_tl.images.duplicates.features import describe
        >>> random = np.random.default_rng(0)
        >>> images = random.integers(0, 255, (3, 60, 80, 3), dtype=np.uint8)
        >>> bow_tfidf([describe(image) for image in images]).shape
        (3, 96)
    """
    descriptors = np.concatenate([entry.descriptors for entry in features])
    exhaustive = len(features) <= _EXHAUSTIVE
    # In a large set, more words tell images apart better, and fewer images share each of them.
    count = min(8192, len(descriptors) // 300) if exhaustive else len(descriptors) // 64
    count = min(max(1024, count), (len(descriptors) + 1) // 2)
    if count == 0:
        return sparse.csr_matrix((len(features), 1), dtype=np.float32)
    chosen = np.random.default_rng(seed).choice(len(descriptors), count, replace=False)
    codebook = descriptors[np.sort(chosen) if exhaustive else chosen].astype(np.float32)
    codebook /= np.linalg.norm(codebook, axis=1, keepdims=True) + 1e-6
    nearest = nearest_words(descriptors, codebook, exhaustive)
    ones = np.ones(len(nearest), np.float32)
    begins = np.cumsum([0, *(len(entry.descriptors) for entry in features)])
    counts = sparse.csr_matrix((ones, nearest, begins), shape=(len(features), count))
    counts.sum_duplicates()
    # scikit-learn's TfidfTransformer adds 1 here, and common words would weigh more.
    idf = np.log(len(features) / np.maximum(counts.getnnz(axis=0), 1)) + 0.01
    return normalize(counts @ sparse.diags(idf.astype(np.float32))).tocsr()


def candidates_by_words(words: sparse.csr_matrix, groups: np.ndarray, count: int) -> np.ndarray:
    """Find each image's most similar images of other groups by their visual words.

    Args:
        words: The bags of visual words, as returned by `bow_tfidf`.
        groups: The group that each image is known to belong to, int array of shape (images,).
        count: At most this many candidates per image.

    Returns:
        Pairs of image indices, the most similar first; int array of shape (pairs, 2).

    Example:
        >>> words = sparse.csr_matrix(np.array([[1, 0], [1, 0], [0, 1]], np.float32))
        >>> candidates_by_words(words, np.arange(3), count=1).tolist()
        [[0, 1]]
    """
    transposed = words.T.tocsr()
    pairs: list[np.ndarray] = []
    similarities: list[np.ndarray] = []
    for start in range(0, words.shape[0], _ROWS):
        # Most images share no word, so that the product has few entries.
        block = words[start : start + _ROWS] @ transposed
        rows = np.repeat(np.arange(start, start + block.shape[0]), np.diff(block.indptr))
        block.data[groups[rows] == groups[block.indices]] = 0
        best = np.concatenate(
            [
                begin + _largest(block.data[begin:end], block.indices[begin:end], count)
                for begin, end in pairwise(block.indptr)
            ]
        )
        pairs.append(np.stack((rows[best], block.indices[best]), axis=1))
        similarities.append(block.data[best])
    return _sort_pairs(np.concatenate(pairs), np.concatenate(similarities))


def candidates_by_thumbnail(features: Sequence[Features], count: int) -> np.ndarray:
    """Find each image's most similar images by their thumbnails.

    A thumbnail is compared in all eight orientations (turned by 90 degrees or mirrored). Of more
    than 10,000, each is turned like the most similar of some thumbnails, its pivots, and compared
    with those that are most similar to the same pivot; so are the other orientations in which it
    is similar to a pivot.

    Args:
        features: The images' features.
        count: At most this many candidates per image.

    Returns:
        Pairs of image indices, the most similar first; int array of shape (pairs, 2).

    Example:
        >>> from pykeras_tl.images.duplicates.features import describe
        >>> random = np.random.default_rng(0)
        >>> images = list(random.integers(0, 255, (3, 16, 16, 3), dtype=np.uint8))
        >>> images.append(np.rot90(images[1]))
        >>> candidates_by_thumbnail([describe(image) for image in images], count=1).tolist()
        [[1, 3]]
    """
    tiny = np.stack([entry.tiny.ravel() for entry in features])
    # Smooth images have no thumbnail.
    images = np.flatnonzero(tiny.any(axis=1))
    if len(images) < 2:
        return np.zeros((0, 2), np.int64)
    tiny = tiny[images]
    cells = 1 if len(features) <= _EXHAUSTIVE else 1 + len(images) // _IN_CELL
    pivots = tiny[np.random.default_rng(0).choice(len(tiny), cells, replace=False)]
    # Comparing with a turned pivot is comparing a thumbnail that was turned back.
    nearest = nearest_pivots(
        tiny, np.concatenate([pivots[:, pixels] for pixels in _TURNED]), min(_PROBES, 8 * cells)
    )
    probes = nearest.shape[1]

    def turned_back(entries: np.ndarray) -> np.ndarray:
        orientations = nearest.ravel()[entries] // cells
        return np.take_along_axis(tiny[entries // probes], _BACK[orientations], axis=1)

    found: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for entries in entries_by_cell(nearest % cells, cells):
        own = entries[entries % probes == 0]
        members, thumbnails = own // probes, turned_back(own)
        for start in range(0, len(entries), _ROWS):
            part = entries[start : start + _ROWS]
            rows = part // probes
            # Later images only, so that each pair is found once, from its first image.
            later = int(np.searchsorted(members, rows[0], side="right"))
            block = turned_back(part) @ thumbnails[later:].T
            block[members[later:] <= rows[:, None]] = 0
            firsts, seconds, similarity = _similar(block, count)
            found.append((rows[firsts], members[later:][seconds], similarity))
    firsts, seconds, similarity = (np.concatenate(column) for column in zip(*found))
    best = _best_of_each(firsts, seconds, similarity, count)
    return _sort_pairs(images[np.stack((firsts, seconds), axis=1)[best]], similarity[best])


def _largest(values: np.ndarray, names: np.ndarray, count: int) -> np.ndarray:
    """Return the places of the largest values, of equal ones those with the lowest names."""
    if len(values) <= count:
        return np.arange(len(values))
    large = np.flatnonzero(values >= np.partition(values, -count)[-count])
    return large[np.lexsort((names[large], -values[large]))[:count]]


def _similar(block: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rows, columns and values of each row's largest similarities; overwrites `block`."""
    kept = np.arange(len(block))
    rows, columns, values = [], [], []
    # A few passes over the block are much faster than a partial sort.
    for _ in range(min(count, block.shape[1])):
        best = block.argmax(axis=1)
        value = block[np.arange(len(block)), best]
        block[np.arange(len(block)), best] = 0
        enough = value >= _MIN_SIMILARITY
        kept, block = kept[enough], block[enough]
        rows.append(kept)
        columns.append(best[enough])
        values.append(value[enough])
    nothing = np.zeros(0, np.int64)
    return (
        np.concatenate([nothing, *rows]),
        np.concatenate([nothing, *columns]),
        np.concatenate([np.zeros(0, np.float32), *values]),
    )


def _best_of_each(
    firsts: np.ndarray, seconds: np.ndarray, similarities: np.ndarray, count: int
) -> np.ndarray:
    """Return the entries with the `count` seconds that are most similar to each first."""
    order = np.lexsort((-similarities, seconds, firsts))
    # A pair may have been found in several orientations.
    pairs = np.stack((firsts, seconds), axis=1)[order]
    order = order[np.diff(pairs, axis=0, prepend=-1).any(axis=1)]
    order = order[np.lexsort((seconds[order], -similarities[order], firsts[order]))]
    begins = np.searchsorted(firsts[order], firsts[order], side="left")
    return order[np.arange(len(order)) - begins < count]


def _sort_pairs(pairs: np.ndarray, similarities: np.ndarray) -> np.ndarray:
    """Return the distinct pairs with a similarity above 0, the most similar first."""
    pairs, similarities = np.sort(pairs[similarities > 0], axis=1), similarities[similarities > 0]
    order = np.lexsort((pairs[:, 1], pairs[:, 0], -similarities))
    _, first = np.unique(pairs[order], axis=0, return_index=True)
    return pairs[order[np.sort(first)]]
