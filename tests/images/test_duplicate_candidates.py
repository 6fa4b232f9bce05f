"""The search for pairs that may be copies in cells, against comparing all with all."""

import cv2
import numpy as np
import pytest
from scipy import sparse
from sklearn.preprocessing import normalize

from pykeras_tl.images.duplicates import candidates, group_images
from pykeras_tl.images.duplicates.candidates import candidates_by_thumbnail, candidates_by_words
from pykeras_tl.images.duplicates.cells import entries_by_cell, nearest_pivots, nearest_words
from pykeras_tl.images.duplicates.features import Features, describe
from pykeras_tl.images.duplicates.matching import dihedral_transforms
from pykeras_tl.images.synthetic import generate_smear


@pytest.fixture(scope="module")
def thumbnails():
    """1,500 images' thumbnails: a quarter are copies, turned or mirrored, with noise."""
    random = np.random.default_rng(0)
    originals = [
        cv2.GaussianBlur(noise, (0, 0), 1.5) for noise in random.normal(size=(1125, 16, 16))
    ]
    copies = [
        dihedral_transforms(originals[number])[number % 8] + 0.04 * random.normal(size=(16, 16))
        for number in range(375)
    ]
    every = [image / np.linalg.norm(image) for image in [*originals, *copies]]
    return [np.float32(every[number]) for number in random.permutation(len(every))]


def similar(thumbnails, count, least=0.75):
    """The obvious: each thumbnail with all later ones in all orientations."""
    flat = np.stack(thumbnails).reshape(len(thumbnails), -1)
    turned = np.stack([dihedral_transforms(image) for image in thumbnails]).reshape(
        len(flat), 8, -1
    )
    pairs = set()
    for row in range(len(flat) - 1):
        similarity = (turned[row + 1 :] @ flat[row]).max(axis=1)
        for other in np.argsort(-similarity)[:count]:
            if similarity[other] >= least:
                pairs.add((row, row + 1 + int(other)))
    return pairs


def as_features(thumbnail):
    nothing = np.zeros(0, np.uint8)
    return Features(b"", nothing, nothing, nothing, thumbnail)


def test_few_thumbnails_are_compared_with_all_and_more_find_the_same_in_cells(
    thumbnails, monkeypatch
):
    features = [as_features(thumbnail) for thumbnail in thumbnails]
    features.insert(7, as_features(np.zeros((16, 16), np.float32)))
    known = {(one + (one >= 7), other + (other >= 7)) for one, other in similar(thumbnails, 6)}
    assert len(known) >= 375
    assert {(one, other) for one, other in candidates_by_thumbnail(features, 6).tolist()} == known
    monkeypatch.setattr(candidates, "_EXHAUSTIVE", 100)
    monkeypatch.setattr(candidates, "_IN_CELL", 50)
    found = {(one, other) for one, other in candidates_by_thumbnail(features, 6).tolist()}
    assert found <= known
    assert len(found) >= 0.95 * len(known)
    # Those that are missed are no copies.
    copies = {
        (one + (one >= 7), other + (other >= 7)) for one, other in similar(thumbnails, 6, 0.9)
    }
    assert len(copies) >= 375
    assert copies <= found
    smooth = [as_features(np.zeros((16, 16), np.float32))] * 3
    assert candidates_by_thumbnail(smooth, 6).shape == (0, 2)


def test_the_most_similar_words_are_those_of_the_whole_product():
    random = np.random.default_rng(1)
    words = normalize(sparse.random_array((90, 400), density=0.05, rng=random, dtype=np.float32))
    groups = random.integers(0, 40, 90)
    dense = (words @ words.T).toarray()
    dense[groups[:, None] == groups] = 0
    known = set()
    for row, similarity in enumerate(dense):
        for other in np.argsort(-similarity, kind="stable")[:3]:
            if similarity[other] > 0:
                known.add((min(row, other), max(row, other)))
    pairs = candidates_by_words(sparse.csr_matrix(words), groups, 3)
    assert {(one, other) for one, other in pairs.tolist()} == known
    similarities = dense[pairs[:, 0], pairs[:, 1]]
    assert (np.diff(similarities) <= 0).all()


def test_the_nearest_of_many_words_is_found_in_cells():
    random = np.random.default_rng(2)
    centres = random.uniform(0, 255, (40, 60))
    vectors = np.clip(
        centres[random.integers(0, 40, 9000)] + random.normal(0, 30, (9000, 60)), 0, 255
    )
    vectors = vectors.astype(np.uint8)
    words = normalize(vectors[:2500].astype(np.float32))
    known = (vectors @ words.T).argmax(axis=1)
    assert (nearest_words(vectors, words, exhaustive=True) == known).all()
    assert (nearest_words(vectors, words, exhaustive=False) == known).mean() > 0.9
    cells = nearest_pivots(vectors.astype(np.float32), words[:30], 2)
    assert (cells[:, 0] == (vectors @ words[:30].T).argmax(axis=1)).all()
    for number, entries in enumerate(entries_by_cell(cells, 30)):
        assert entries.tolist() == np.flatnonzero(cells.ravel() == number).tolist()


def test_groups_found_in_cells_are_those_of_comparing_all(monkeypatch):
    smears = [generate_smear("MONOCYTE", np.random.default_rng(number)) for number in range(16)]
    images = [*smears, *(image[:, ::-1] for image in smears), *(np.rot90(each) for each in smears)]
    matrix = cv2.getRotationMatrix2D((160, 120), 20, 1)
    images += [cv2.warpAffine(image, matrix, (320, 240)) for image in smears]
    features = [describe(np.ascontiguousarray(image)) for image in images]
    known = group_images(features, workers=1)
    assert known.tolist() == [*range(16)] * 4
    monkeypatch.setattr(candidates, "_EXHAUSTIVE", 10)
    monkeypatch.setattr(candidates, "_IN_CELL", 8)
    assert (group_images(features, workers=1) == known).all()
