"""The page of an audit, driven in a browser: filter, mark, save, and read what was saved."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from pykeras_tl import list_images
from pykeras_tl.images import generate_blood_cells, read_corrections
from pykeras_tl.images.auditing.review import write_review

sync_api = pytest.importorskip("playwright.sync_api")
_BROWSER = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chrome"))), None)


@pytest.mark.slow
@pytest.mark.skipif(_BROWSER is None, reason="no browser is installed")
def test_marks_are_saved_as_corrections(tmp_path: Path) -> None:
    folder = generate_blood_cells(tmp_path / "cells", 3, 0, 0, size=(24, 32)) / "TRAIN"
    table = list_images(folder)
    issues = ["blurred\ndark", *[""] * (len(table) - 1)]
    images = table.assign(split="", issues=issues, suggested="MONOCYTE", probability=0.9)
    classes = sorted(set(table["class"]))
    page = write_review(tmp_path / "review.html", images, folder, classes, "Cells")
    with sync_api.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=_BROWSER, args=["--no-sandbox"])
        try:
            _mark_and_save(browser.new_page(), page, tmp_path / "corrections.csv")
        finally:
            browser.close()
    saved = read_corrections(tmp_path / "corrections.csv")
    assert saved.to_dict("records") == [
        {"filename": "EOSINOPHIL/00000.jpeg", "new_class": "", "exclude": True},
        {"filename": "LYMPHOCYTE/00001.jpeg", "new_class": "NEUTROPHIL", "exclude": False},
        {"filename": "LYMPHOCYTE/00002.jpeg", "new_class": "MONOCYTE", "exclude": False},
    ]
    counts = list_images(folder, corrections=tmp_path / "corrections.csv")["class"].value_counts()
    expected = {"EOSINOPHIL": 2, "LYMPHOCYTE": 1, "MONOCYTE": 4, "NEUTROPHIL": 4}
    pd.testing.assert_series_equal(
        counts.sort_index(), pd.Series(expected), check_names=False, check_index_type=False
    )


def _mark_and_save(page, file: Path, target: Path) -> None:  # type: ignore[no-untyped-def]
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text))
    page.goto(file.as_uri())
    assert page.locator(".card:visible").count() == 12
    page.select_option("#issue", "blurred")
    assert page.locator(".card:visible").count() == 1
    page.click("#all")
    page.select_option("#issue", "")
    page.select_option("#class", "LYMPHOCYTE")
    assert page.locator(".card:visible").count() == 3
    page.fill("[data-file='LYMPHOCYTE/00001.jpeg'] .new", "NEUTROPHIL")
    page.click("[data-file='LYMPHOCYTE/00002.jpeg'] .suggested")
    page.fill("[data-file='LYMPHOCYTE/00000.jpeg'] .new", "COW")
    page.locator("#text").focus()
    assert page.locator("#counts").text_content() == "3 of 12 shown, 4 marked"
    page.click("#save")  # Refused: there is no such class.
    assert page.locator(".new:invalid").count() == 1
    page.fill("[data-file='LYMPHOCYTE/00000.jpeg'] .new", "")
    page.locator("#text").focus()
    with page.expect_download() as download:
        page.click("#save")
    download.value.save_as(target)
    assert not problems
