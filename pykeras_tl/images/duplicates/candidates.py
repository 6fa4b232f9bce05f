"""Candidate pairs: the images that are worth comparing, without comparing all pairs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import sparse
from sklearn.preprocessing import normalize

from .features import Features
from .matching import dihedral_transforms

_ROWS = 1024
_MIN_SIMILARITY = 0.75


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
    owners = np.repeat(np.arange(len(features)), [len(entry.points) for entry in features])
    count = min(max(1024, min(8192, len(descriptors) // 300)), (len(descriptors) + 1) // 2)
    if count == 0:
        return sparse.csr_matrix((len(features), 1), dtype=np.float32)
    chosen = np.random.default_rng(seed).choice(len(descriptors), count, replace=False)
    codebook = descriptors[np.sort(chosen)].astype(np.float32).T
    codebook /= np.linalg.norm(codebook, axis=0) + 1e-6
    nearest = [
        (descriptors[start : start + 8 * _ROWS].astype(np.float32) @ codebook).argmax(axis=1)
        for start in range(0, len(descriptors), 8 * _ROWS)
    ]
    ones = np.ones(len(owners), np.float32)
    counts = sparse.csr_matrix(
        (ones, (owners, np.concatenate(nearest))), shape=(len(features), count)
    )
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
        block = (words[start : start + _ROWS] @ transposed).toarray()
        block[groups[start : start + _ROWS, None] == groups] = 0
        rows, columns, similarity = _largest(block, count)
        pairs.append(np.stack((rows + start, columns), axis=1))
        similarities.append(similarity)
    return _sort_pairs(np.concatenate(pairs), np.concatenate(similarities))


def candidates_by_thumbnail(features: Sequence[Features], count: int) -> np.ndarray:
    """Find each image's most similar images by their thumbnails.

    A thumbnail is compared in all eight orientations (turned by 90 degrees or mirrored).

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
    tiny = np.stack([entry.tiny for entry in features])
    turned = np.stack([dihedral_transforms(entry.tiny) for entry in features], axis=1)
    flat, turned = tiny.reshape(len(tiny), -1), turned.reshape(8, len(tiny), -1)
    pairs: list[np.ndarray] = []
    similarities: list[np.ndarray] = []
    for start in range(0, len(flat), _ROWS):
        rows = flat[start : start + _ROWS]
        # Later images only, so that each pair is found once, from its first image.
        block = rows @ turned[0, start:].T
        for copies in turned[1:, start:]:
            np.maximum(block, rows @ copies.T, out=block)
        block[np.tri(len(rows), block.shape[1], dtype=bool)] = 0
        firsts, seconds, similarity = _largest(block, count)
        kept = similarity >= _MIN_SIMILARITY
        pairs.append(np.stack((firsts, seconds), axis=1)[kept] + start)
        similarities.append(similarity[kept])
    return _sort_pairs(np.concatenate(pairs), np.concatenate(similarities))


def _largest(block: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rows, columns and values of each row's largest values; overwrites `block`."""
    every = np.arange(len(block))
    rows, columns, values = [], [], []
    # A few passes over the block are much faster than a partial sort.
    for _ in range(min(count, block.shape[1])):
        best = block.argmax(axis=1)
        rows.append(every)
        columns.append(best)
        values.append(block[every, best])
        block[every, best] = -1
    return np.concatenate(rows), np.concatenate(columns), np.concatenate(values)


def _sort_pairs(pairs: np.ndarray, similarities: np.ndarray) -> np.ndarray:
    """Return the distinct pairs with a similarity above 0, the most similar first."""
    pairs, similarities = np.sort(pairs[similarities > 0], axis=1), similarities[similarities > 0]
    order = np.lexsort((pairs[:, 1], pairs[:, 0], -similarities))
    _, first = np.unique(pairs[order], axis=0, return_index=True)
    return pairs[order[np.sort(first)]]
