"""Areas, thresholds and subgroups against scikit-learn and counting by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk

from pykeras_tl.evaluation import (
    Evaluation,
    accuracy_by_subgroup,
    at_threshold,
    bootstrap,
    choose_threshold,
    confidence_intervals,
    metrics,
    prediction_table,
)
from pykeras_tl.evaluation.discrimination import resampling
from pykeras_tl.evaluation.discrimination.resampling import RankedScores
from pykeras_tl.evaluation.prediction_table import probabilities_of, true_indices


def test_areas_of_samples_are_those_of_scikit_learn_with_weights() -> None:
    random = np.random.default_rng(0)
    true, group_of = random.integers(0, 3, 60), np.arange(60) % 20
    # Many ties, as saturated probabilities have.
    scores = (random.random((60, 3)) + np.eye(3)[true]).round(1)
    samples = resampling._sample_counts(20, 6, random)
    found = RankedScores(scores, true, group_of).areas(samples)
    for row, times in zip(found, samples):
        weights = times[group_of]
        for number in range(3):
            positive = true == number
            given = (positive, scores[:, number])
            expected = [
                sk.roc_auc_score(*given, sample_weight=weights),
                sk.average_precision_score(*given, sample_weight=weights),
            ]
            np.testing.assert_allclose(row[[number, 3 + number]], expected)


@pytest.mark.parametrize("classes", [2, 4, 21])
def test_intervals_hold_the_metrics_of_scikit_learn(drawn, classes) -> None:
    table = drawn(images=300, classes=classes)
    found = confidence_intervals(table, repeats=50)
    single = found[found["class"].isna()].set_index("metric")["value"]
    expected = metrics.overall(table)
    expected |= {"accuracy": metrics.accuracy(table)}
    expected |= {"macro_f1": metrics.by_class(table)["f1"].iloc[-2]}
    assert single.to_dict() == pytest.approx(expected)
    areas = metrics.areas_by_class(table)
    for metric in ("auc", "average_precision"):
        rows = found[found["metric"] == metric]
        np.testing.assert_allclose(rows["value"], areas[metric])
        assert rows["class"].tolist() == areas["class"].tolist()
    assert ((found["low"] <= found["value"]) & (found["value"] <= found["high"])).all()
    true, predicted = table["class"].to_numpy(str), table["predicted"].to_numpy(str)
    assert expected["balanced_accuracy"] == pytest.approx(
        sk.balanced_accuracy_score(true, predicted)
    )
    if classes > 2:
        auc = sk.roc_auc_score(true_indices(table), probabilities_of(table), multi_class="ovr")
        assert expected["macro_auc"] == pytest.approx(auc, abs=1e-6)


def test_classes_without_images_have_no_area_and_do_not_count(drawn) -> None:
    table = drawn(images=40, classes=3)
    table = table[table["class"] != "class 1"].reset_index(drop=True)
    found = confidence_intervals(table, repeats=20).set_index(["metric", "class"])["value"]
    assert np.isnan(found["auc", "class 1"])
    both = [found["auc", name] for name in ("class 0", "class 2")]
    assert confidence_intervals(table, repeats=20)["value"][5] == pytest.approx(np.mean(both))
    alone = table[table["class"] == "class 0"].reset_index(drop=True)
    assert np.isnan(Evaluation(alone).summary["macro_auc"])


def test_perfect_separation_of_few_is_not_certain() -> None:
    table = prediction_table(
        list("abcdefghij"), ["x"] * 5 + ["y"] * 5, np.eye(2)[[0] * 5 + [1] * 5], ["x", "y"]
    )
    row = confidence_intervals(table).set_index(["metric", "class"]).loc[("auc", "x")]
    assert row["value"] == 1
    assert row["low"] == pytest.approx(0.025 ** (1 / 5))


def _point(table: pd.DataFrame, name: str, threshold: float) -> tuple[float, float]:
    taken, own = table[name].to_numpy("float64") >= threshold, (table["class"] == name).to_numpy()
    return taken[own].mean(), (~taken)[~own].mean()


def test_thresholds_are_the_best_of_all(drawn) -> None:
    table, name = drawn(images=150, classes=3), "class 2"
    candidates = table[name].to_numpy("float64")
    points = {each: _point(table, name, each) for each in candidates}
    youden = choose_threshold(table, name)
    assert sum(points[youden]) == pytest.approx(max(map(sum, points.values())))
    sensitive = choose_threshold(table, name, sensitivity=0.9)
    assert points[sensitive][0] >= 0.9
    assert points[sensitive][1] == max(spec for sens, spec in points.values() if sens >= 0.9)
    specific = choose_threshold(table, name, specificity=0.9)
    assert points[specific][1] >= 0.9
    assert points[specific][0] == max(sens for sens, spec in points.values() if spec >= 0.9)
    measured = at_threshold(table, name, youden).set_index("measure")
    assert measured.loc["sensitivity", "value"] == points[youden][0]
    assert measured.loc["specificity", "value"] == points[youden][1]
    taken = candidates >= youden
    assert measured.loc["ppv", "value"] == (table["class"] == name)[taken].mean()
    assert measured.loc["npv", "value"] == (table["class"] != name)[~taken].mean()
    assert (measured["low"] < measured["value"]).all()
    with pytest.raises(ValueError, match="sensitivity or specificity"):
        choose_threshold(table, name, 0.9, 0.9)
    with pytest.raises(ValueError, match="Received: 'class 9'"):
        choose_threshold(table, "class 9")


def test_intervals_of_shares_are_those_of_the_classes_recall(drawn) -> None:
    table, groups = drawn(images=200, classes=2), np.arange(200) % 40
    own = (table["class"] == "class 0").to_numpy()
    right = (table["class"] == table["predicted"]).to_numpy()
    found = bootstrap.share_intervals((own & right)[:, None], own[:, None], groups, repeats=500)
    samples = resampling._sample_counts(40, 500, np.random.default_rng(0)).astype(int)
    slow = []
    for times in samples:
        rows = np.concatenate([np.flatnonzero(groups == g) for g in np.repeat(range(40), times)])
        slow.append(right[rows][own[rows]].mean())
    np.testing.assert_allclose(
        found.loc[0, ["low", "high"]].astype(float), np.quantile(slow, [0.025, 0.975])
    )


def test_the_worst_subgroup_is_first_and_survives_saving(drawn, tmp_path) -> None:
    table = drawn(images=120)
    site = pd.Series(np.where(np.arange(120) < 40, "old", None), name="site")
    right = table["class"] == table["predicted"]
    table = table[right | site.isna()].reset_index(drop=True)
    site = site[right | site.isna()].reset_index(drop=True)
    groups = [str(number // 2) for number in range(len(table))]
    made = Evaluation(table, groups, subgroup=site)
    found = made.by_subgroup
    assert found["subgroup"].tolist() == ["(none)", "old"]
    old = site.notna().to_numpy()
    assert found["images"].tolist() == [(~old).sum(), old.sum()]
    assert found["distinct"][1] == len(set(np.array(groups)[old]))
    assert found["accuracy"][1] == 1
    assert found["low"][1] == pytest.approx(0.025 ** (1 / found["distinct"][1]))
    loaded = Evaluation.load(made.save(tmp_path / "saved"))
    assert loaded.subgroup.name == "site"
    assert loaded.by_subgroup["accuracy"].tolist() == found["accuracy"].tolist()
    assert (tmp_path / "saved" / "by-subgroup.csv").is_file()
    assert Evaluation.pool([made, made]).by_subgroup["images"].sum() == 2 * len(table)
    assert made.by_group().by_subgroup["images"].sum() == len(made.by_group().predictions)
    with pytest.raises(ValueError, match="Received: 2"):
        accuracy_by_subgroup(table, ["a", "b"])
