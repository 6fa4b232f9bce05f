"""Features, their projection, and the page that maps images, driven in a browser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import cv2
import keras
import numpy as np
import pandas as pd
import pytest

from pykeras_tl.explanation import ImageMap, image_features, map_images, project
from pykeras_tl.models import Classifier, PreprocessConfig, average_classifiers

_NAMES = ["red", "green", "</script><b>blue"]


def test_features_are_the_input_of_the_last_layer(network, images) -> None:
    found = image_features(network, images, batch_size=2)
    hidden = keras.Model(network.inputs, network.get_layer("hidden").output)
    np.testing.assert_allclose(found, hidden.predict(images, verbose=0), atol=1e-5)
    classifier = Classifier(network, ["a", "b", "c"], PreprocessConfig((13, 9)))
    both = image_features(average_classifiers([classifier, classifier]).model, images)
    np.testing.assert_allclose(both, np.hstack([found, found]), atol=1e-5)


def test_maps_that_are_pooled_to_scores_are_averaged(images) -> None:
    """As in SqueezeNet, whose last convolution has a channel for each class."""
    inputs = keras.Input((13, 9, 3))
    maps = keras.layers.Conv2D(3, 1)(keras.layers.Rescaling(2.0, name="twice")(inputs))
    scores = keras.layers.Softmax()(keras.layers.GlobalAveragePooling2D()(maps))
    model = keras.Model(inputs, scores)
    kernel, bias = model.layers[2].get_weights()
    expected = 2 * images.mean(axis=(1, 2)) @ kernel[0, 0] + bias
    np.testing.assert_allclose(image_features(model, images), expected, rtol=1e-4)


@pytest.mark.parametrize("projection", ["pca", "tsne"])
def test_groups_stay_together(projection) -> None:
    random = np.random.default_rng(0)
    group = np.repeat([0, 1, 2], 10)
    features = 10 * np.eye(6)[group] + random.normal(size=(30, 6))
    places = project(features, projection)
    assert places.shape == (30, 2)
    np.testing.assert_array_equal(places, project(features, projection))
    centers = np.stack([places[group == each].mean(axis=0) for each in range(3)])
    distances = np.linalg.norm(places[:, None] - centers, axis=-1)
    np.testing.assert_array_equal(distances.argmin(axis=1), group)


def test_principal_components_are_those_of_numpy() -> None:
    features = np.random.default_rng(1).normal(size=(9, 5))
    centered = features - features.mean(axis=0)
    _, _, axes = np.linalg.svd(centered)
    np.testing.assert_allclose(np.abs(project(features)), np.abs(centered @ axes[:2].T), atol=1e-5)


def test_umap_gets_what_it_needs(monkeypatch) -> None:
    """Without umap-learn itself, which compiles for a minute at its first use."""

    class _Fake:
        def __init__(self, **options: object) -> None:
            self.options = options

        def fit_transform(self, features: np.ndarray) -> np.ndarray:
            assert self.options["n_neighbors"] == 4
            assert self.options["random_state"] == 7
            return features[:, :2]

    monkeypatch.setitem(sys.modules, "umap", SimpleNamespace(UMAP=_Fake))
    features = np.random.default_rng(1).normal(size=(5, 3))
    np.testing.assert_allclose(project(features, "umap", seed=7), project(features), atol=1e-5)


def test_bad_projections_are_refused(monkeypatch) -> None:
    with pytest.raises(ValueError, match="'pca', 'tsne', 'umap'"):
        project(np.zeros((5, 2)), "lda")
    with pytest.raises(ValueError, match="three images"):
        project(np.zeros((2, 2)))
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(ImportError, match=r"pykeras-tl\[umap\]"):
        project(np.eye(5), "umap")


@pytest.fixture(scope="module")
def mapped(marked, tmp_path_factory) -> ImageMap:
    """Nine images, one of them with a wrong class, and a file that is no image."""
    model, images, classes, _ = marked
    folder = tmp_path_factory.mktemp("map")
    rows = []
    for number in range(9):
        cv2.imwrite(str(folder / f"{number}.png"), images[number][..., ::-1].astype("uint8"))
        rows.append((str(folder / f"{number}.png"), _NAMES[(classes[number] + (number == 4)) % 3]))
    (folder / "bad.png").write_bytes(b"no image")
    rows.append((str(folder / "bad.png"), "red"))
    classifier = Classifier(model, _NAMES, PreprocessConfig((24, 24)))
    return map_images(classifier, pd.DataFrame(rows, columns=["filename", "class"]))


def test_the_table_places_every_image_that_can_be_read(mapped) -> None:
    assert [Path(file).stem for file in mapped.table["filename"]] == list("012345678")
    np.testing.assert_allclose(mapped.table[["x", "y"]], project(mapped.features), atol=1e-6)
    wrong = mapped.table[mapped.table["class"] != mapped.table["predicted"]]
    assert "4" in [Path(file).stem for file in wrong["filename"]]


def test_folders_of_classes_tell_the_truth(marked, tmp_path) -> None:
    classifier = Classifier(marked[0], ["red", "green", "blue"], PreprocessConfig((24, 24)))
    for number in range(3):
        path = tmp_path / "all" / ("red" if number else "blue") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), marked[1][number][..., ::-1].astype("uint8"))
    table = map_images(classifier, tmp_path / "all").table
    assert table["class"].tolist() == ["blue", "red", "red"]
    (tmp_path / "all" / "blue").rename(tmp_path / "all" / "other")
    assert map_images(classifier, tmp_path / "all").table["class"].isna().all()
    unknown = pd.DataFrame({"filename": ["a.png"], "class": ["dog"]})
    with pytest.raises(ValueError, match="dog"):
        map_images(classifier, unknown)


# On a busy machine the page may not be laid out yet when it is first looked at.
_PROBE = """
const canvas = document.querySelector("#map canvas");
const seen = new Set();
const sweep = () => {
  seen.clear();
  const box = canvas.getBoundingClientRect();
  for (let y = 0; y < box.height; y += 8)
    for (let x = 0; x < box.width; x += 8) {
      canvas.dispatchEvent(new PointerEvent("pointermove",
        {clientX: box.left + x, clientY: box.top + y, bubbles: true, pointerId: 1}));
      const card = document.getElementById("card");
      if (!card.hidden) seen.add(card.innerText);
    }
  return [...seen];
};
const look = (tries) => {
  const all = sweep();
  if (all.length < 9 && tries > 0) return setTimeout(look, 500, tries - 1);
  [...document.querySelectorAll("#legend label")].at(-1).click();
  document.title = JSON.stringify([all, sweep()]);
};
setTimeout(look, 500, 20);
"""


@pytest.mark.slow
def test_the_page_shows_what_one_points_at(mapped, tmp_path) -> None:
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no browser")
    apart = mapped.table.assign(x=np.arange(9) % 3, y=np.arange(9) // 3)
    page = replace(mapped, table=apart).save(tmp_path / "map.html")
    content = page.read_text(encoding="utf-8")
    assert "</script><b>" not in content
    assert not re.search(r"(src|href)=\"?https?:", content)
    # The page's policy allows no other script.
    content = re.sub(r"script-src 'sha256-[^']*'", "script-src 'unsafe-inline'", content)
    page.write_text(content.replace("</body>", f"<script>{_PROBE}</script></body>"), "utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000"]
    dom = subprocess.run(
        [browser, *options, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", page.as_uri()],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    ).stdout
    title = re.search(r"<title>(.*?)</title>", dom, re.DOTALL)
    assert title is not None
    all_cards, mistakes = json.loads(title[1].replace("&lt;", "<").replace("&gt;", ">"))
    shown = {card.splitlines()[-1].rpartition("/")[2] for card in all_cards}
    assert shown == {f"{number}.png" for number in range(9)}
    table = mapped.table
    wrong = table[table["class"] != table["predicted"]]
    assert {card.splitlines()[-1].rpartition("/")[2] for card in mistakes} == {
        Path(file).name for file in wrong["filename"]
    }
    card = next(card for card in mistakes if card.endswith("4.png"))
    row = table.iloc[4]
    assert card.splitlines()[:2] == [
        f"{row['predicted']} {100 * row['probability']:.0f} %",
        f"is {row['class']}",
    ]
