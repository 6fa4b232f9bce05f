"""Splits of images with several labels: shares of each label, groups together."""

import numpy as np
import pandas as pd
import pytest

from pykeras_tl.images.datasets.splits import split_by_labels

_FRACTIONS = {"train": 0.6, "validation": 0.2, "test": 0.2}


@pytest.mark.parametrize("seed", range(3))
def test_each_split_gets_its_share_of_each_label(seed):
    random = np.random.default_rng(seed)
    labels = random.random((400, 5)) < [0.6, 0.3, 0.1, 0.05, 0.0]
    table = pd.DataFrame({"filename": [f"{number}.png" for number in range(400)]})
    split = split_by_labels(table, labels, _FRACTIONS, seed=seed)["split"].to_numpy()
    for name, share in _FRACTIONS.items():
        assert abs((split == name).mean() - share) < 0.02
        # A random split misses the share of the rarest label by a third and more.
        found = labels[split == name].sum(axis=0)
        assert (np.abs(found - share * labels.sum(axis=0)) <= 2.5).all()
    order = random.permutation(400)
    moved = split_by_labels(table.iloc[order], labels[order], _FRACTIONS, seed=seed)
    assert (moved["split"].to_numpy() == split[order]).all()


def test_groups_stay_together():
    random = np.random.default_rng(0)
    labels = random.random((300, 3)) < 0.4
    table = pd.DataFrame({"filename": np.arange(300), "group": random.integers(0, 60, 300)})
    split = split_by_labels(table, labels, _FRACTIONS, groups="group")
    assert split.groupby("group")["split"].nunique().max() == 1
    for name, share in _FRACTIONS.items():
        found = labels[(split["split"] == name).to_numpy()].sum(axis=0)
        assert np.allclose(found, share * labels.sum(axis=0), atol=6)
