"""An evaluation saved and read back is the same; nothing else is overwritten."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pykeras_tl.evaluation import (
    Evaluation,
    confidence_intervals,
    evaluate_classifier,
    expected_calibration_error,
    prediction_table,
    reliability_table,
)
from pykeras_tl.evaluation.prediction_table import upgrade_prediction_table

LEVELS = ["dark", "light"]


def test_saved_and_loaded_is_the_same(drawn, tmp_path) -> None:
    made = Evaluation(drawn())
    folder = made.save(tmp_path / "TEST")
    assert sorted(path.name for path in folder.iterdir()) == [
        "by-class.csv",
        "confusion.csv",
        "confusion.png",
        "intervals.csv",
        "precision-recall.png",
        "predictions.csv",
        "reliability.csv",
        "reliability.png",
        "roc.png",
        "summary.csv",
    ]
    loaded = Evaluation.load(folder)
    pd.testing.assert_frame_equal(loaded.predictions, made.predictions)
    assert loaded.summary == made.summary
    saved = pd.read_csv(folder / "confusion.csv", index_col=0)
    assert saved.to_numpy().tolist() == made.confusion.to_numpy().tolist()


def test_trust_in_the_numbers_follows_from_the_predictions(drawn, tmp_path) -> None:
    table = drawn(images=60)
    made = Evaluation(table)
    expected = confidence_intervals(table, repeats=1000)
    pd.testing.assert_frame_equal(made.intervals, expected)
    assert made.summary["calibration_error"] == expected_calibration_error(table)
    pd.testing.assert_frame_equal(made.reliability, reliability_table(table))
    folder = made.save(tmp_path / "test")
    low, high = pd.read_csv(folder / "intervals.csv").loc[0, ["low", "high"]]
    assert low < made.accuracy < high
    # One image says nothing of others; it is no error either.
    assert not (Evaluation(table[:1]).save(tmp_path / "one") / "intervals.csv").exists()


def test_groups_are_kept_and_widen_the_intervals(drawn, tmp_path) -> None:
    table = pd.concat([drawn(images=30)] * 10, ignore_index=True)
    groups = list(range(30)) * 10
    alone, together = Evaluation(table), Evaluation(table, groups)
    assert together.independent == 30
    width = {
        name: (each.intervals["high"] - each.intervals["low"]).iloc[0]
        for name, each in {"alone": alone, "together": together}.items()
    }
    # Ten copies of each image are worth one: the interval is √10 times as wide.
    assert width["together"] / width["alone"] == pytest.approx(10**0.5, rel=0.15)
    loaded = Evaluation.load(together.save(tmp_path / "grouped"))
    assert list(loaded.groups) == [str(group) for group in groups]
    pd.testing.assert_frame_equal(loaded.intervals, together.intervals)
    with pytest.raises(ValueError, match=r"for each of 300 images. Received: 2 groups"):
        _ = Evaluation(table, [1, 2]).intervals


def test_each_photograph_counts_once_by_the_mean_of_its_copies() -> None:
    values = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.7, 0.3], [0.1, 0.9]])
    table = prediction_table(list("abcde"), ["x", "x", "y", "y", "y"], values, ["x", "y"])
    made = Evaluation(table, ["1", "1", "2", "3", "1"], groups_are_copies=True)
    assert made.size == "5 images, 3 distinct"
    once = made.by_group()
    # Copies with two labels count once for each.
    assert once.predictions.iloc[:, :3].values.tolist() == [
        ["a", "x", "x"],
        ["c", "y", "y"],
        ["d", "y", "x"],
        ["e", "y", "y"],
    ]
    np.testing.assert_allclose(once.predictions["x"], [0.65, 0.2, 0.7, 0.1])
    assert (made.accuracy, once.accuracy) == (0.6, 0.75)
    assert once.groups == ["1", "2", "3", "1"]
    assert Evaluation(table).by_group().size == "5 images"
    unnamed = Evaluation(table, [0, 0, 1, 2, 3]).by_group()
    assert unnamed.groups is None
    assert len(unnamed.predictions) == 4


def test_folds_and_repeats_are_pooled_by_group(drawn, tmp_path) -> None:
    table = drawn(images=60)
    groups = [f"photograph {number % 20}" for number in range(60)]
    folds = [
        Evaluation(table[rows], groups[rows], groups_are_copies=True)
        for rows in (slice(0, 30), slice(30, 60))
    ]
    pooled = Evaluation.pool(folds)
    whole = Evaluation(table, groups, groups_are_copies=True)
    assert pooled.size == "60 images, 20 distinct"
    pd.testing.assert_frame_equal(pooled.intervals, whole.intervals)
    loaded = Evaluation.load(pooled.save(tmp_path / "pooled"))
    assert loaded.size == pooled.size
    # The same image twice is no new evidence.
    twice = Evaluation.pool([Evaluation(table), Evaluation(table)])
    assert twice.independent == 60
    assert Evaluation.pool([Evaluation(table)]).groups is None
    with pytest.raises(ValueError, match="one or more evaluations"):
        Evaluation.pool([])


@pytest.mark.parametrize(
    "names", [["NA", "nan", ""], ["class", "predicted", "filename"], ["001", "\udcff", ","]]
)
def test_strange_class_names_survive(names, tmp_path) -> None:
    table = prediction_table(["a\nb", 'c"d', "e,f"], names, np.eye(3), names)
    loaded = Evaluation.load(Evaluation(table).save(tmp_path / "made"))
    assert loaded.class_names == names
    assert loaded.accuracy == 1
    assert loaded.predictions.iloc[:, 0].tolist() == ["a\nb", 'c"d', "e,f"]


@pytest.mark.parametrize("known", [True, False])
def test_evaluations_of_older_versions_load(drawn, tmp_path, known) -> None:
    new = drawn() if known else drawn().drop(columns="class")
    old = new.rename(columns={"filename": "file", "class": "true", "predicted": "class"})
    if not known:
        old.insert(1, "true", None)
    assert old.columns[:3].tolist() == ["file", "true", "class"]
    old.to_csv(tmp_path / "predictions.csv", index=False)
    loaded = Evaluation.load(tmp_path).predictions
    pd.testing.assert_frame_equal(loaded, new, check_column_type=False)
    pd.testing.assert_frame_equal(upgrade_prediction_table(old), new, check_column_type=False)
    assert upgrade_prediction_table(new) is new


def test_tables_of_older_classifiers_are_upgraded() -> None:
    old = pd.DataFrame([["a.png", "dog", 0.1, 0.9]], columns=["file", "class", "cat", "dog"])
    assert list(upgrade_prediction_table(old)) == ["filename", "predicted", "cat", "dog"]


def test_a_table_of_predictions_used_as_labels_gives_the_truth(folder) -> None:
    from pykeras_tl.images import ImageDataGenerator, list_images

    labels = list_images(folder)
    wrong = np.eye(2)[(labels["class"] == "dark").astype(int)]
    table = prediction_table(labels["filename"].tolist(), labels["class"].tolist(), wrong, LEVELS)
    assert (table["predicted"] != table["class"]).all()
    flow = ImageDataGenerator().flow_from_dataframe(table, target_size=(6, 6), shuffle=False)
    assert [flow.class_names[number] for number in flow.classes] == labels["class"].tolist()
    with pytest.raises(ValueError, match="with the column 'class'"):
        ImageDataGenerator().flow_from_dataframe(table.drop(columns="class"), target_size=(6, 6))


def test_saving_replaces_an_evaluation_but_nothing_else(drawn, tmp_path) -> None:
    folder = Evaluation(drawn(seed=1)).save(tmp_path / "made")
    again = Evaluation(drawn(seed=2))
    assert Evaluation.load(again.save(folder)).summary == again.summary
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter-1.txt").write_text("years of work")
    with pytest.raises(FileExistsError, match="earlier evaluation"):
        again.save(tmp_path / "thesis")
    assert (tmp_path / "thesis" / "chapter-1.txt").read_text() == "years of work"


def test_a_folder_without_an_evaluation_is_refused(tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match="saved evaluation"):
        Evaluation.load(tmp_path)


def test_copies_among_image_files_are_found_by_default(tmp_path) -> None:
    import keras

    from pykeras_tl.images import ImageDataGenerator

    random = np.random.default_rng(0)
    for label in ("x", "y"):
        (tmp_path / "images" / label).mkdir(parents=True)
        for number in range(3):
            image = random.integers(0, 255, (30, 40, 3), dtype=np.uint8)
            for copy, turned in enumerate([image, image[::-1], image[:, ::-1]]):
                path = tmp_path / "images" / label / f"{number}-{copy}.png"
                keras.utils.save_img(path, turned)
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(2, "softmax")]
    )
    flow = ImageDataGenerator().flow_from_directory(
        tmp_path / "images", target_size=(8, 8), batch_size=5, seed=1
    )
    made = evaluate_classifier(model, flow)
    assert made.size == "18 images, 6 distinct"
    assert made.summary["independent"] == 6
    assert len(made.by_group().predictions) == 6
    assert evaluate_classifier(model, flow, groups=None).size == "18 images"
    assert evaluate_classifier(model, flow, groups=["a", "b"] * 9).size == "18 images, 2 groups"
    arrays = ImageDataGenerator().flow(np.zeros((4, 8, 8, 3)), np.eye(2)[[0, 1, 1, 0]])
    assert evaluate_classifier(model, arrays).size == "4 images"


def test_a_bare_network_refuses_a_folder(tmp_path) -> None:
    import keras

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, "softmax")])
    with pytest.raises(TypeError, match="Pass a flow"):
        evaluate_classifier(model, tmp_path)


@pytest.fixture
def folder(tmp_path):
    """Two classes of flat images, dark and light, in folders."""
    import cv2

    for number in range(8):
        path = tmp_path / "images" / LEVELS[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        level = 100 + 50 * (number % 2) + number
        cv2.imwrite(str(path), np.full((6, 6, 3), level, dtype="uint8"))
    return tmp_path / "images"


def test_a_classifier_is_measured_on_folder_table_and_flow_alike(folder) -> None:
    import keras

    from pykeras_tl.images import ImageDataGenerator, list_images
    from pykeras_tl.models.saving.classifier import Classifier

    model = keras.Sequential(
        [keras.Input((6, 6, 3)), keras.layers.Flatten(), keras.layers.Dense(1, "sigmoid")]
    )
    model.layers[1].set_weights([np.full((108, 1), 10 / 108), np.array([-5.0])])
    flow = ImageDataGenerator(rescale=1 / 255).flow_from_directory(
        folder, (6, 6), class_mode="binary", seed=1
    )
    by_network = evaluate_classifier(model, flow)
    classifier = Classifier.from_flow(model, flow)
    assert by_network.accuracy == 1
    for data in (folder, list_images(folder), flow):
        with pytest.warns(UserWarning, match="trained on 8 of these 8 images"):
            found = evaluate_classifier(classifier, data, batch_size=3)
        assert found.accuracy == 1
        assert found.loss == pytest.approx(by_network.loss, abs=1e-5)
        assert found.predictions["filename"].tolist() == by_network.predictions["filename"].tolist()
    classifier.trained_on = frozenset()
    patients = list_images(folder).assign(group=list("aabbccdd"))
    assert evaluate_classifier(classifier, patients).groups == list("aabbccdd")
    assert evaluate_classifier(model, flow, groups=range(8)).independent == 8


def test_images_that_a_classifier_was_trained_on_are_warned_of(folder, tmp_path) -> None:
    import shutil
    import warnings

    import keras

    from pykeras_tl.images import ImageDataGenerator, list_images
    from pykeras_tl.models import average_classifiers, load_classifier
    from pykeras_tl.models.saving.classifier import Classifier

    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((6, 6, 3)), keras.layers.Flatten(), keras.layers.Dense(2, "softmax")]
    )
    table = list_images(folder)
    even, odd = table.iloc[::2], table.iloc[1::2]

    def trained_on(rows):
        flow = ImageDataGenerator().flow_from_dataframe(rows, target_size=(6, 6))
        return Classifier.from_flow(model, flow)

    classifier = trained_on(even)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        evaluate_classifier(classifier, odd)
    moved = shutil.copytree(folder, tmp_path / "moved")
    loaded = load_classifier(classifier.save(tmp_path / "classifier"))
    with pytest.warns(UserWarning, match="trained on 4 of these 8 images") as caught:
        evaluate_classifier(loaded, moved)
    assert caught[0].filename == __file__
    average = average_classifiers([classifier, trained_on(odd)])
    with pytest.warns(UserWarning, match="trained on 8 of these 8 images"):
        evaluate_classifier(average, folder)


def test_a_classifier_refuses_arrays_and_classes_it_does_not_know(folder) -> None:
    import keras

    from pykeras_tl.images import ImageDataGenerator
    from pykeras_tl.models.saving.classifier import Classifier

    model = keras.Sequential(
        [keras.Input((6, 6, 3)), keras.layers.Flatten(), keras.layers.Dense(2, "softmax")]
    )
    generator = ImageDataGenerator()
    classifier = Classifier.from_flow(model, generator.flow_from_directory(folder, (6, 6)))
    with pytest.raises(TypeError, match=r"classifier\.model"):
        evaluate_classifier(classifier, generator.flow(np.zeros((2, 6, 6, 3)), np.eye(2)))
    (folder / "dark").rename(folder / "dusky")
    with pytest.raises(ValueError, match="dusky"):
        evaluate_classifier(classifier, folder)


def test_a_label_may_be_called_error() -> None:
    from pykeras_tl.evaluation.results.folder import check_all_read
    from pykeras_tl.images.decoding.reading import BadImageError

    table = pd.DataFrame({"filename": ["a.png"], "predicted": [""], "error": [0.25]})
    check_all_read(table)
    unread = pd.DataFrame({"filename": ["b.png"], "predicted": [None], "error": ["is empty"]})
    with pytest.raises(BadImageError, match=r"1 of 2 image files cannot be used: .*b\.png"):
        check_all_read(pd.concat([table, unread], ignore_index=True))
