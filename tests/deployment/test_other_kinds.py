"""Labels and numbers over HTTP, on the page, and what speaks for them."""

import shutil
import threading
import time

import keras
import numpy as np
import pytest

from pykeras_tl.deployment import make_service
from pykeras_tl.explanation import explain_images
from pykeras_tl.models import MultiLabelClassifier, PreprocessConfig, Regressor

testclient = pytest.importorskip("fastapi.testclient")


def _model(units, activation):
    """It tells how red, green and blue an image is."""
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(3, 1, use_bias=False),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(units, activation),
        ]
    )
    dense = [8 * np.eye(3)[:, :units], np.full(units, -1.0)]
    model.set_weights([np.eye(3)[None, None], *dense])
    return model


@pytest.fixture(scope="module")
def labels():
    names = ["red", "green", "blue"]
    return MultiLabelClassifier(_model(3, "sigmoid"), names, PreprocessConfig((8, 8)), [0.9] * 3)


@pytest.fixture(scope="module")
def number():
    return Regressor(_model(1, None), "redness", PreprocessConfig((8, 8)))


def _post(predictor, *images):
    with testclient.TestClient(make_service(predictor)) as client:
        about = client.get("/classifier").json()
        sent = [("files", (f"{place}.png", image)) for place, image in enumerate(images)]
        explained = client.post("/explain", files={"file": ("a.png", images[0])})
        assert explained.content.startswith(b"\x89PNG")
        return about, client.post("/predict", files=sent).json()["results"]


def test_labels_over_http(labels, png):
    about, rows = _post(labels, png("white"), png("black"), b"no image")
    assert (about["kind"], about["class_names"]) == ("a multi-label classifier", labels.class_names)
    assert [row["predicted"] for row in rows] == ["red | green | blue", "", None]
    assert rows[0]["probabilities"]["red"] == pytest.approx(1 / (1 + np.exp(-7)))
    assert rows[2]["error"]


def test_a_number_over_http(number, png):
    about, rows = _post(number, png("red"), png("blue"), b"no image")
    assert (about["kind"], about["target"], about["class_names"]) == ("a regressor", "redness", [])
    assert [row["predicted"] for row in rows] == [pytest.approx(7), pytest.approx(-1), None]
    assert [row["probabilities"] for row in rows] == [None] * 3
    assert rows[2]["error"]


def test_what_speaks_for_a_label_or_raises_a_number(labels, number, tmp_path):
    pixels = np.zeros((8, 8, 3), "uint8")
    pixels[:, :4, 0] = 255
    pixels[:, 4:, 1] = 255
    keras.utils.save_img(tmp_path / "a.png", pixels, scale=False)
    left = explain_images(number, tmp_path / "a.png")
    assert left.explained == ["redness"]
    right = explain_images(labels, tmp_path / "a.png", "green")
    assert left.maps[0, :, :4].min() == 1
    assert left.maps[0, :, 4:].max() == 0
    assert np.array_equal(right.maps[0, :, ::-1], left.maps[0])
    assert explain_images(labels, tmp_path / "a.png").explained == ["red"]
    for explanations in (left, right):
        explanations.plot()
    with pytest.raises(ValueError, match=r"grad_cam\+\+.*for a regressor"):
        explain_images(number, tmp_path / "a.png", method="occlusion")


@pytest.mark.slow
def test_the_page_shows_labels_and_numbers(labels, number, png, tmp_path):
    sync_api = pytest.importorskip("playwright.sync_api")
    uvicorn = pytest.importorskip("uvicorn")
    found = [shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")]
    path = next((each for each in found if each), None)
    if path is None:
        pytest.skip("no browser: chromium and google-chrome are not on the PATH")
    for name, color in {"1": "white", "2": "black"}.items():
        (tmp_path / f"{name}.png").write_bytes(png(color))
    (tmp_path / "3.png").write_bytes(b"no image")
    shown = {}
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        for predictor in (labels, number):
            service = make_service(predictor, page=True)
            server = uvicorn.Server(uvicorn.Config(service, port=0, log_level="warning"))
            thread = threading.Thread(target=server.run, daemon=True)
            thread.start()
            while not server.started:
                time.sleep(0.05)
            page = browser.new_page()
            page.goto(f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/")
            sync_api.expect(page.locator("#about")).not_to_be_empty()
            page.set_input_files("#files", sorted(tmp_path.iterdir()))
            sync_api.expect(page.locator("#status")).to_have_text("3 of 3 images", timeout=60_000)
            shown[predictor.kind] = (
                page.locator("h1").inner_text(),
                page.locator("h3").all_inner_texts(),
                page.locator(".card").first.locator("meter").count(),
            )
            server.should_exit = True
            thread.join()
        browser.close()
    assert shown == {
        "a multi-label classifier": (
            "A multi-label classifier of images", ["red | green | blue", "no label", "Not read"], 3,
        ),
        "a regressor": ("A regressor of images", ["7.000", "-1.000", "Not read"], 0),
    }  # fmt: skip
