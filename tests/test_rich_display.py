"""What consoles and notebooks show of objects: short text, and escaped, self-contained HTML."""

import html
import re
from html.parser import HTMLParser
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from pykeras_tl import Evaluation, History, ImageDataGenerator, audit
from pykeras_tl.evaluation import prediction_table
from pykeras_tl.models import Classifier, PreprocessConfig
from pykeras_tl.studies.runner import StudyResult
from pykeras_tl.studies.study import Study

NAMES = ["<script>cat", "dog"]


def _evaluation():
    return Evaluation(prediction_table(["a", "b"], NAMES, np.eye(2), NAMES))


def _folder():
    for name in NAMES:
        (Path("images") / name).mkdir(parents=True)
        Image.new("RGB", (8, 8), "red" if name == "dog" else "blue").save(f"images/{name}/1.png")
    return "images"


def _classifier():
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(2, "softmax")]
    )
    return Classifier(model, NAMES, PreprocessConfig((8, 8)), {"<b>test": 0.75})


_SHOWN = pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: History({"loss": [0.5, 0.25]}, [0, 1]), "2 epochs.*0.250.*data:image/png"),
        (lambda: History(), "0 epochs"),
        (_evaluation, "2 images.*accuracy: 1.000.*data:image/png"),
        (lambda: audit(_folder()), "Audit.*Distinct images"),
        (_classifier, "2 classes.*8 × 8 pixels, rgb.*0.750"),
        (lambda: ImageDataGenerator().flow_from_directory(_folder()), "DirectoryIterator.*dog"),
        (
            lambda: StudyResult(
                Study("x", "<i>Mine", lambda _: [], lambda *_: {}),
                [], {"<b>": "no"}, Path("x"), Path("x/report.html"),
            ),
            "&lt;i&gt;Mine.*failed: 1",
        ),
    ],
)  # fmt: skip


@_SHOWN
def test_consoles_show_short_text(make, expected, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    text = repr(make())
    found = html.unescape(expected).removesuffix(".*data:image/png")
    assert re.search(found, text, re.DOTALL)
    assert text.count("\n") < 40
    assert max(map(len, text.splitlines())) <= 80


def test_many_classes_are_counted_and_not_listed(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    names = [f"species {number}" for number in range(150)]
    table = prediction_table([str(number) for number in range(150)], names, np.eye(150), names)
    text = repr(Evaluation(table))
    assert "species 19" in text
    assert text.endswith("and 132 more rows")
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.GlobalAveragePooling2D()])
    model.add(keras.layers.Dense(150, "softmax"))
    shown = repr(Classifier(model, names, PreprocessConfig((8, 8))))
    assert "150 classes: species 0" in shown
    assert "and 138 more" in shown
    assert "species 12" not in shown


@_SHOWN
def test_display_is_escaped_and_needs_nothing_else(make, expected, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = make()._repr_html_()
    assert re.search(expected, text, re.DOTALL)
    tags, addresses = [], []

    class Tags(HTMLParser):
        def handle_starttag(self, tag, attrs):
            tags.append(tag)
            addresses.extend(value for name, value in attrs if name in ("src", "href"))

    Tags().feed(text)
    known = {"div", "b", "br", "img", "table", "caption", "thead", "tbody", "tr", "th", "td"}
    assert set(tags) <= known
    assert all(address.startswith("data:") for address in addresses)


def test_notebooks_show_figures_without_pyplot():
    assert History({"loss": [1.0, 0.5]}, [0, 1]).plot()._repr_png_().startswith(b"\x89PNG")


def test_generators_show_the_settings_that_were_given():
    assert repr(ImageDataGenerator()) == "ImageDataGenerator()"
    made = ImageDataGenerator(rescale=0.5, zoom_range=0.2, validation_split=0.1)
    assert repr(made) == (
        "ImageDataGenerator(zoom_range=[0.8, 1.2], rescale=0.5, validation_split=0.1)"
    )
