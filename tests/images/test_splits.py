import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pykeras_tl.images.datasets.folders import list_images
from pykeras_tl.images.datasets.splits import (
    groups_from_names,
    k_folds,
    split_fractions,
    split_source_target,
)

THIRDS = {"train": 0.6, "validation": 0.2, "test": 0.2}


def make_table(*counts: int) -> pd.DataFrame:
    classes = [f"class {number}" for number, count in enumerate(counts) for _ in range(count)]
    names = [f"{name}/{number}.png" for number, name in enumerate(classes)]
    return pd.DataFrame({"filename": names, "class": classes})


counts = st.lists(st.integers(20, 60), min_size=1, max_size=6)
shares = st.lists(st.integers(1, 5), min_size=2, max_size=4)


@settings(max_examples=60, deadline=None)
@given(counts, shares, st.integers(0, 99))
def test_every_class_gets_its_share_to_within_one(counts, shares, seed):
    table = make_table(*counts)
    fractions = {f"part {i}": share / sum(shares) for i, share in enumerate(shares)}
    split = split_fractions(table, fractions, seed=seed)
    assert split.drop(columns="split").equals(table)
    for name, fraction in fractions.items():
        for label, count in table["class"].value_counts().items():
            got = ((split["split"] == name) & (split["class"] == label)).sum()
            assert abs(got - fraction * count) < 1
        # Rounding must not add up over the classes.
        assert abs((split["split"] == name).sum() - fraction * len(table)) < 2


@settings(max_examples=60, deadline=None)
@given(counts, st.integers(2, 10), st.integers(0, 99))
def test_folds_hold_every_row_once_in_equal_shares(counts, k, seed):
    table = make_table(*counts)
    folds = k_folds(table, k, seed=seed)["fold"]
    assert set(folds) == set(range(1, k + 1))
    assert folds.value_counts().max() - folds.value_counts().min() <= 1
    by_class = pd.crosstab(table["class"], folds)
    assert (by_class.max(axis=1) - by_class.min(axis=1)).max() <= 1


@settings(max_examples=60, deadline=None)
@given(counts, st.integers(0, 99), st.randoms(use_true_random=False))
def test_seed_and_names_decide_and_the_rows_order_does_not(counts, seed, random):
    table = make_table(*counts)
    split = split_fractions(table, THIRDS, seed=seed)
    pd.testing.assert_frame_equal(split, split_fractions(table, THIRDS, seed=seed))
    rows = list(range(len(table)))
    random.shuffle(rows)
    shuffled = split_fractions(table.iloc[rows], THIRDS, seed=seed)
    pd.testing.assert_frame_equal(split, shuffled.sort_index())
    assert not split.equals(split_fractions(table, THIRDS, seed=seed + 1))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 30), st.integers(0, 2)), min_size=3, max_size=60),
    st.integers(0, 99),
)
def test_no_group_stands_on_two_sides(sizes, seed):
    rows = [
        (f"{group}-{number}.png", f"class {(label + (number % 5 == 0)) % 3}", group)
        for group, (size, label) in enumerate(sizes)
        for number in range(size)
    ]
    table = pd.DataFrame(rows, columns=["filename", "class", "patient"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        split = split_fractions(table, THIRDS, groups="patient", seed=seed)
        shuffled = split_fractions(table.sample(frac=1), THIRDS, groups="patient", seed=seed)
    assert (split.groupby("patient")["split"].nunique() == 1).all()
    assert set(split["split"]) == set(THIRDS)
    pd.testing.assert_frame_equal(split, shuffled.sort_index())


def test_grouped_shares_are_near_and_follow_the_seed():
    random = np.random.default_rng(3)
    sizes = random.integers(1, 40, 200)
    groups = np.repeat(np.arange(200), sizes)
    table = pd.DataFrame(
        {
            "filename": [f"{number:05}.png" for number in range(len(groups))],
            "class": np.where(random.random(len(groups)) < 0.2, "rare", "common"),
            "patient": groups,
        }
    )
    split = split_fractions(table, THIRDS, groups="patient", seed=1)
    share = pd.crosstab(split["class"], split["split"], normalize="index")
    assert (share - pd.Series(THIRDS)).abs().to_numpy().max() < 0.01
    folds = [k_folds(table, 5, groups="patient", seed=seed)["fold"] for seed in (1, 2)]
    for fold in folds:
        assert fold.value_counts().max() - fold.value_counts().min() <= 4
    # Unrelated folds would agree in one row of five.
    assert (folds[0] == folds[1]).mean() < 0.4


def test_groups_of_equal_size_fill_every_part():
    table = pd.DataFrame({"filename": range(30), "class": "x", "patient": np.repeat([1, 2, 3], 10)})
    split = split_fractions(table, THIRDS, groups="patient")
    assert split.groupby("split").size().to_dict() == {"train": 10, "validation": 10, "test": 10}


def test_without_strata_only_the_sizes_hold():
    table = make_table(2, 98)
    split = split_fractions(table, {"train": 0.5, "test": 0.5}, by=None)
    assert split["split"].value_counts().to_dict() == {"train": 50, "test": 50}


def test_source_and_target():
    split = split_source_target(make_table(100, 200), source=0.6, train=0.7, seed=5)
    sizes = split.groupby(["class", "split"]).size().unstack()
    assert sizes.loc["class 0"].to_dict() == {"source": 60, "train": 28, "test": 12}
    assert sizes.loc["class 1"].to_dict() == {"source": 120, "train": 56, "test": 24}
    with pytest.raises(ValueError, match="Expected train to be between 0 and 1"):
        split_source_target(make_table(100), train=1)


def test_patients_of_the_malaria_set_stay_whole(real_data):
    table = groups_from_names(list_images(real_data / "malaria"), r"(?i)^(.+?)_?thin")
    split = split_fractions(table, THIRDS, groups="group", seed=2)
    assert table["group"].nunique() > 100
    assert (split.groupby("group")["split"].nunique() == 1).all()
    share = pd.crosstab(split["class"], split["split"], normalize="index")
    assert (share - pd.Series(THIRDS)).abs().to_numpy().max() < 0.01


def test_group_is_what_the_parentheses_match():
    table = pd.DataFrame({"filename": ["a/x_17_2.png", "b/x_3_2.png"]})
    assert groups_from_names(table, r"_(\d+)_")["group"].tolist() == ["17", "3"]
    with pytest.raises(ValueError, match=r"does not match 1, for example 'x_3_2.png'"):
        groups_from_names(table, r"\d\d")
    with pytest.raises(ValueError, match=r"a regular expression\. Received"):
        groups_from_names(table, "(")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda t: split_fractions(t, {"train": 0.6, "test": 0.3}),
            "sum to 1.* sum 0.9",
        ),
        (lambda t: split_fractions(t, {"train": 1.2, "test": -0.2}), "above 0"),
        (lambda t: split_fractions(t, {"train": 1.0}), "two or more fractions"),
        (lambda t: split_fractions(t, THIRDS, by="label"), "the column 'label'"),
        (lambda t: split_fractions(t, THIRDS, groups="patient"), "the column 'patient'"),
        (lambda t: split_fractions(t.assign(g=None), THIRDS, groups="g"), "24 of 24 rows"),
        (
            lambda t: split_fractions(t.assign(g=1), THIRDS, groups="g"),
            "at least 3 groups.*: 1",
        ),
        (lambda t: split_fractions(t[:2], THIRDS), "at least 3 images.* Received: 2"),
        (lambda t: k_folds(t, 1), "2 or more. Received: 1"),
        (lambda t: k_folds(t, 5), "images of 'class 1' .* Received: 4"),
        (lambda t: k_folds(t, 25), "at least 25 images.* Received: 24"),
        (lambda t: split_fractions(t, {"a": 0.9, "b": 0.05, "c": 0.05}), "none for 'c'"),
    ],
)
def test_impossible_splits_are_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call(make_table(20, 4))


def test_a_part_without_a_class_is_warned_of():
    table = make_table(20, 20).assign(patient=["p"] * 20 + list("abcdefghijklmnopqrst"))
    with pytest.warns(UserWarning, match="'test' has no image of 'class 0'"):
        split_fractions(table, {"train": 0.5, "test": 0.5}, groups="patient")
