"""The page of `pykeras-tl app`, driven in a real browser."""

import csv
import shutil
import threading
import time

import numpy as np
import pytest
from PIL import Image

from pykeras_tl.deployment import make_service
from pykeras_tl.deployment.limits import Limits
from pykeras_tl.models import Classifier
from pykeras_tl.models.uncertainty.prediction_sets import PredictionSets

sync_api = pytest.importorskip("playwright.sync_api")
uvicorn = pytest.importorskip("uvicorn")
pytestmark = pytest.mark.slow
_TOKEN = "a-token-of-a-test"


@pytest.fixture(scope="module")
def address(classifier):
    limits = Limits(max_files=16, max_bytes=300_000, max_pixels=200_000)
    # The true class of each of 20 calibration images has 0.4, and sets hold what has as much.
    sets = PredictionSets.fit(np.tile([0.4, 0.3, 0.3], (20, 1)), [0] * 20)
    doubting = Classifier(
        classifier.model, classifier.class_names, classifier.images, prediction_sets=sets
    )
    service = make_service(doubting, limits=limits, token=_TOKEN, page=True)
    server = uvicorn.Server(uvicorn.Config(service, port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}/"
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def browser():
    found = [shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")]
    path = next((each for each in found if each), None)
    if path is None:
        pytest.skip("no browser: chromium and google-chrome are not on the PATH")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser, address):
    page = browser.new_page()
    elsewhere = []
    page.on("request", lambda sent: elsewhere.append(sent.url))
    page.on("pageerror", lambda error: elsewhere.append(error))
    page.goto(f"{address}#token={_TOKEN}")
    sync_api.expect(page.locator("#about")).to_contain_text("3 classes")
    yield page
    # Offline: nothing is loaded from elsewhere, and no script failed.
    assert [each for each in elsewhere if not str(each).startswith((address, "blob:"))] == []
    page.close()


def chosen(page, files, count):
    page.set_input_files("#files", files)
    status = page.locator("#status")
    sync_api.expect(status).to_have_text(f"{count} of {count} images", timeout=60_000)
    return page.locator(".card")


def test_an_image_that_is_dropped_gets_its_class(page, png):
    page.evaluate(
        """bytes => {
            const dropped = new DataTransfer();
            dropped.items.add(new File([new Uint8Array(bytes)], "a <i>.png", {type: "image/png"}));
            document.dispatchEvent(new DragEvent("drop", {dataTransfer: dropped}));
        }""",
        list(png("red", (40, 30))),
    )
    card = page.locator(".card")
    card.wait_for()
    assert card.locator("h3").inner_text() == "cat"
    # Names are text.
    assert card.locator(".file").inner_text() == "a <i>.png"
    assert "<b>cow</b>" in card.inner_text()

    before = card.locator("img").get_attribute("src")
    card.get_by_text("Why?").click()
    card.get_by_text("Show the image").wait_for()
    assert card.locator("img").get_attribute("src") != before
    assert card.locator("img").evaluate("image => image.decode().then(() => image.naturalWidth)")


def test_the_classes_that_an_image_can_have_are_named(page, png, tmp_path):
    (tmp_path / "1.png").write_bytes(png("red"))
    (tmp_path / "2.png").write_bytes(png("magenta"))
    cards = chosen(page, sorted(tmp_path.iterdir()), 2)
    notes = [cards.nth(number).get_by_text("It can be:").inner_text() for number in range(2)]
    assert notes[0] == "It can be: cat"
    assert set(notes[1].removeprefix("It can be: ").split(" | ")) == {"cat", "<b>cow</b>"}


def test_broken_and_giant_files_do_not_spoil_the_others(page, png, tmp_path):
    (tmp_path / "1.png").write_bytes(png("blue"))
    (tmp_path / "2 broken.png").write_bytes(png("red", (60, 60))[:80])
    (tmp_path / "3 pixels.png").write_bytes(png("red", (500, 500)))
    noise = np.random.default_rng(0).integers(0, 256, (400, 400, 3), dtype="uint8")
    Image.fromarray(noise).save(tmp_path / "4 bytes.png")
    (tmp_path / "5.png").write_bytes(png("green"))

    texts = chosen(page, sorted(tmp_path.iterdir()), 5).all_inner_texts()
    for text, expected in zip(
        texts, ("<b>cow</b>", "cannot be decoded", "250,000 pixels", "larger than 300,000", "dog")
    ):
        assert expected in text


def test_two_hundred_images_at_once_and_their_table(page, png, tmp_path):
    files = [tmp_path / f"{number:03}.png" for number in range(200)]
    colors = ("red", "green", "blue")
    for number, file in enumerate(files):
        file.write_bytes(png(colors[number % 3]))
    chosen(page, files, 200)
    with page.expect_download() as download:
        page.get_by_text("Download table").click()
    with open(download.value.path(), newline="", encoding="utf-8") as table:  # noqa: PTH123
        rows = list(csv.DictReader(table))
    names = ("cat", "dog", "<b>cow</b>")
    assert [row["filename"] for row in rows] == [file.name for file in files]
    assert [row["predicted"] for row in rows] == [names[number % 3] for number in range(200)]
    assert all(float(row[row["predicted"]]) > 0.5 for row in rows)


def test_without_the_token_the_page_says_what_is_missing(browser, address):
    page = browser.new_page()
    page.goto(address)
    page.locator("#message").get_by_text("Authorization").wait_for()
    page.close()
