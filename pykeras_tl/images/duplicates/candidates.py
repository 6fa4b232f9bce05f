"""Which of many images are worth comparing, without comparing all pairs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from .features import Features
from .matching import dihedral_transforms

_ROWS = 1024
_LEAST_TINY = 0.75


def bow_tfidf(features: Sequence[Features], seed: int = 0) -> sparse.csr_matrix:
    """Describe each image by which of a set of typical corners it has, and how often.

    Args:
        features: The images' features.
        seed: Number from which the typical corners are drawn.

    Returns:
        Sparse matrix of shape (images, words); rows of length 1, rare words weighing more.

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
    typical = np.sort(chosen)
    words = descriptors[typical].astype(np.float32).T
    words /= np.linalg.norm(words, axis=0) + 1e-6
    nearest = [
        (descriptors[start : start + 8 * _ROWS].astype(np.float32) @ words).argmax(axis=1)
        for start in range(0, len(descriptors), 8 * _ROWS)
    ]
    ones = np.ones(len(owners), np.float32)
    counts = sparse.csr_matrix(
        (ones, (owners, np.concatenate(nearest))), shape=(len(features), count)
    )
    rarity = np.log(len(features) / np.maximum(counts.getnnz(axis=0), 1)) + 0.01
    counts = counts @ sparse.diags(rarity.astype(np.float32))
    lengths = np.sqrt(np.asarray(counts.multiply(counts).sum(axis=1))).ravel()
    return (sparse.diags(1 / np.maximum(lengths, 1e-6)) @ counts).tocsr().astype(np.float32)


def candidates_by_words(counts: sparse.csr_matrix, groups: np.ndarray, each: int) -> np.ndarray:
    """Find for each image those of other groups that have the most words in common.

    Args:
        counts: As `bow_tfidf` returns them.
        groups: The number of the group that each image is known to belong to.
        each: Images to find for each.

    Returns:
        Pairs of image numbers, the most alike first, int of shape (pairs, 2).

    Example:
        >>> counts = sparse.csr_matrix(np.array([[1, 0], [1, 0], [0, 1]], np.float32))
        >>> candidates_by_words(counts, np.arange(3), each=1).tolist()
        [[0, 1]]
    """
    transposed = counts.T.tocsr()
    found: list[np.ndarray] = []
    likeness: list[np.ndarray] = []
    for start in range(0, counts.shape[0], _ROWS):
        block = (counts[start : start + _ROWS] @ transposed).toarray()
        block[groups[start : start + _ROWS, None] == groups] = 0
        rows, columns, score = _largest(block, each)
        found.append(np.stack((rows + start, columns), axis=1))
        likeness.append(score)
    return _ordered(np.concatenate(found), np.concatenate(likeness))


def candidates_by_thumbnail(features: Sequence[Features], each: int) -> np.ndarray:
    """Find for each image those that look alike as a whole, also turned by quarters or mirrored.

    Args:
        features: The images' features.
        each: Images to find for each, at most.

    Returns:
        Pairs of image numbers, the most alike first, int of shape (pairs, 2).

    Example:
        >>> from pykeras_tl.images.duplicates.features import describe
        >>> random = np.random.default_rng(0)
        >>> images = list(random.integers(0, 255, (3, 16, 16, 3), dtype=np.uint8))
        >>> images.append(np.rot90(images[1]))
        >>> candidates_by_thumbnail([describe(image) for image in images], each=1).tolist()
        [[1, 3]]
    """
    tiny = np.stack([entry.tiny for entry in features])
    turned = np.stack([dihedral_transforms(entry.tiny) for entry in features], axis=1)
    flat, turned = tiny.reshape(len(tiny), -1), turned.reshape(8, len(tiny), -1)
    found: list[np.ndarray] = []
    likeness: list[np.ndarray] = []
    for start in range(0, len(flat), _ROWS):
        rows = flat[start : start + _ROWS]
        # Later images only: each pair comes up once, from its first image.
        block = rows @ turned[0, start:].T
        for copies in turned[1:, start:]:
            np.maximum(block, rows @ copies.T, out=block)
        block[np.tri(len(rows), block.shape[1], dtype=bool)] = 0
        firsts, seconds, score = _largest(block, each)
        kept = score >= _LEAST_TINY
        found.append(np.stack((firsts, seconds), axis=1)[kept] + start)
        likeness.append(score[kept])
    return _ordered(np.concatenate(found), np.concatenate(likeness))


def _largest(block: np.ndarray, each: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rows, columns and values of each row's largest values; `block` is used up."""
    every = np.arange(len(block))
    rows, columns, values = [], [], []
    # A few passes over the block are far faster than to sort it in part.
    for _ in range(min(each, block.shape[1])):
        best = block.argmax(axis=1)
        rows.append(every)
        columns.append(best)
        values.append(block[every, best])
        block[every, best] = -1
    return np.concatenate(rows), np.concatenate(columns), np.concatenate(values)


def _ordered(pairs: np.ndarray, likeness: np.ndarray) -> np.ndarray:
    """Return the distinct pairs with any likeness, the most alike first."""
    pairs, likeness = np.sort(pairs[likeness > 0], axis=1), likeness[likeness > 0]
    order = np.lexsort((pairs[:, 1], pairs[:, 0], -likeness))
    _, first = np.unique(pairs[order], axis=0, return_index=True)
    return pairs[order[np.sort(first)]]
