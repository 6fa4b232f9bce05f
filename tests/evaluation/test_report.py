"""The report is one page that needs nothing else, shows the numbers and escapes every name."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from pykeras_tl.evaluation import (
    Evaluation,
    Report,
    Section,
    TrialReport,
    confidence_intervals,
    plot_confusion,
    prediction_table,
    worst_mistakes,
    write_report,
)
from pykeras_tl.training.history import History

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
HARMLESS = re.compile(
    "html|head|meta|title|style|body|header|h1|h2|h3|p|nav|a|main|section|div|table|caption|thead"
    "|tbody|tr|th|td|span|details|summary|figure|figcaption|img|b|br|dl|dt|dd|footer|ul|li|code"
)


class _Page(HTMLParser):
    """The tags, attributes and texts of a page."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(content)

    def handle_starttag(self, tag, attrs) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data) -> None:
        self.texts.append(data.strip())

    def sources(self) -> list[str]:
        return [attrs["src"] for tag, attrs in self.tags if tag == "img"]


def _page(path, report: Report) -> _Page:
    return _Page(write_report(path, report).read_text(encoding="utf-8"))


def _history(epochs: int) -> History:
    values = np.linspace(0.3, 0.9, epochs).tolist()
    return History({"accuracy": values, "val_accuracy": values[::-1]}, list(range(epochs)))


@pytest.fixture
def report(drawn, tmp_path) -> Report:
    """Two trials that ended and one that failed, on images that exist."""
    import cv2

    table = drawn(images=40)
    files = []
    for file in table["filename"]:
        path = tmp_path / file
        path.parent.mkdir(exist_ok=True)
        cv2.imwrite(str(path), np.zeros((30, 40, 3), dtype="uint8"))
        files.append(str(path))
    table["filename"] = files
    evaluation = Evaluation(table)
    return Report(
        "White cells",
        summary=["Four classes."],
        trials=[
            TrialReport(
                "rmsprop",
                settings={"data": {"target_size": [150, 150]}},
                metrics={"parameters": 1234567, "TEST accuracy": 0.8125, "seconds": 3725.0},
                published={"training accuracy": 0.91},
                history=_history(5),
                evaluations={"TEST": evaluation},
            ),
            TrialReport("sgd", metrics={"TEST accuracy": 0.7}, history=_history(3)),
            TrialReport("vgg16", error="OSError: no weights"),
        ],
        versions={"keras": "3.15.1"},
    )


def test_the_numbers_stand_on_the_page(report, tmp_path) -> None:
    texts = _page(tmp_path / "report.html", report).texts
    for shown in ("1,234,567", "0.812", "0.700", "1 h 02 min", "published 0.910", "150, 150"):
        assert shown in texts
    assert "failed: OSError: no weights" in texts
    assert "This trial failed: OSError: no weights" in texts
    interval = confidence_intervals(report.trials[0].evaluations["TEST"].predictions, repeats=1000)
    expected = f"{interval['low'][0]:.3f} to {interval['high'][0]:.3f}"
    assert any(expected in text for text in texts)
    assert f"{report.trials[0].evaluations['TEST'].accuracy:.3f}" in texts


def test_intervals_are_by_group_where_there_are_groups(drawn, tmp_path) -> None:
    table = drawn(images=40)
    groups = [number // 8 for number in range(40)]
    trial = TrialReport("grouped", evaluations={"test": Evaluation(table, groups)})
    text = " ".join(_page(tmp_path / "report.html", Report("Cells", trials=[trial])).texts)
    by_group = confidence_intervals(table, groups, repeats=1000).iloc[0]
    assert f"{by_group['low']:.3f} to {by_group['high']:.3f}, resampling the 5 groups" in text
    assert by_group["high"] - by_group["low"] > 0


def test_copies_count_as_one_image(drawn, tmp_path) -> None:
    table = drawn(images=40)
    made = Evaluation(table, [number // 4 for number in range(40)], groups_are_copies=True)
    trial = TrialReport("copied", evaluations={"test": made})
    text = " ".join(_page(tmp_path / "report.html", Report("Cells", trials=[trial])).texts)
    assert "40 images, 10 distinct." in text
    assert "resampling the 10 distinct images, each with its copies" in text
    once = made.by_group()
    low, high = once.intervals.loc[0, ["low", "high"]]
    assert f"the accuracy is {once.accuracy:.3f} ({low:.3f} to {high:.3f})" in text


def test_a_temperature_fitted_on_validation_is_shown_for_the_others(drawn, tmp_path) -> None:
    parts = {name: Evaluation(drawn(images=60, seed=seed)) for seed, name in enumerate("ab")}
    trial = TrialReport("net", evaluations={"validation": parts["a"], "test": parts["b"]})
    content = write_report(tmp_path / "report.html", Report("Cells", trials=[trial])).read_text()
    assert content.count("Reliability diagram of net on") == 2
    assert content.count("The temperature was fitted on the validation images") == 1
    alone = TrialReport("net", evaluations={"test": parts["b"]})
    content = write_report(tmp_path / "alone.html", Report("Cells", trials=[alone])).read_text()
    assert "temperature" not in content


def test_the_best_of_a_column_stands_out(report, tmp_path) -> None:
    content = write_report(tmp_path / "report.html", report).read_text(encoding="utf-8")
    assert content.count('class="best"') == 1
    assert '<span class="best">0.812</span>' in content


def test_the_page_begins_with_the_best_trial_and_ranks_the_others(drawn, tmp_path) -> None:
    good = Evaluation(drawn(images=60))
    guessed = good.predictions.copy()
    guessed.iloc[:, 3:] = 0.25
    guessed["predicted"] = guessed.columns[3]
    constant = Evaluation(guessed)
    trials = [
        TrialReport(name, metrics={"test accuracy": made.accuracy}, evaluations={"test": made})
        for name, made in {"guesses": constant, "learns": good}.items()
    ]
    report = Report("Cells", ["A note."], [TrialReport("fails", error="no"), *trials])
    page = _page(tmp_path / "report.html", report)
    shown = [text for text in page.texts if text]
    begin = shown.index("Best trial: learns")
    low, high = good.intervals.loc[0, ["low", "high"]]
    assert f"{low:.3f} to {high:.3f}" in shown[begin : begin + 8]
    assert begin < shown.index("Trials") < shown.index("A note.")
    names = [
        text for text in shown[shown.index("Trials") :] if text in ("fails", "guesses", "learns")
    ]
    assert names[:3] == ["learns", "guesses", "fails"]
    assert shown.count("at chance") == 1
    assert shown[shown.index("at chance") - 1] == "guesses"
    # Each trial is folded away, and a link to what is inside opens it.
    folded = [attrs for tag, attrs in page.tags if attrs.get("class") == "trial"]
    assert len(folded) == 3
    assert not any("open" in attrs for attrs in folded)


def test_images_are_inside_the_page(report, tmp_path) -> None:
    page = _page(tmp_path / "report.html", report)
    mistakes = (report.trials[0].evaluations["TEST"].predictions.eval("predicted != `class`")).sum()
    # All curves, those of two trials, one matrix, its reliability, ROC and precision-recall
    # curves, and the mistakes.
    assert len(page.sources()) == 1 + 2 + 1 + 1 + 2 + min(12, mistakes)
    for source in page.sources():
        kind, content = source.split(";base64,")
        start = {"data:image/png": b"\x89PNG", "data:image/jpeg": b"\xff\xd8"}[kind]
        assert base64.b64decode(content, validate=True).startswith(start)


def test_nothing_is_loaded_from_elsewhere(report, tmp_path) -> None:
    page = _page(tmp_path / "report.html", report)
    for tag, attrs in page.tags:
        assert HARMLESS.fullmatch(tag)
        assert not any(name.startswith("on") for name in attrs)
        assert attrs.get("href", "#").startswith("#")
        assert attrs.get("src", "data:image/").startswith("data:image/")
    style = (tmp_path / "report.html").read_text(encoding="utf-8").split("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style


def test_names_are_escaped_everywhere(tmp_path) -> None:
    import cv2

    names = [HOSTILE, "b & c"]
    image = tmp_path / "<img src=x onerror=alert(1)> & 'x'.png"
    assert cv2.imwrite(str(image), np.zeros((8, 8, 3), dtype="uint8"))
    table = prediction_table([str(image)], [names[0]], np.array([[0.2, 0.8]]), names)
    evaluation = Evaluation(table)
    trial = TrialReport(
        HOSTILE,
        settings={HOSTILE: {HOSTILE: HOSTILE}},
        metrics={HOSTILE: 1.0},
        published={HOSTILE: 2.0},
        history=_history(2),
        evaluations={HOSTILE: evaluation},
        error=HOSTILE,
        remarks=[HOSTILE],
    )
    section = Section(
        HOSTILE,
        [HOSTILE],
        {HOSTILE: pd.DataFrame({HOSTILE: [HOSTILE]})},
        {HOSTILE: plot_confusion(evaluation.confusion)},
    )
    page = _page(
        tmp_path / "report.html",
        Report(HOSTILE, [HOSTILE], [trial], [section], {HOSTILE: HOSTILE}, {HOSTILE: HOSTILE}),
    )
    assert all(HARMLESS.fullmatch(tag) for tag, _ in page.tags)
    assert all(source.startswith("data:image/") for source in page.sources())
    assert not any("onerror" in attrs for _, attrs in page.tags)
    assert HOSTILE in page.texts


def test_the_report_of_one_classifier_says_where_not_to_trust_it(report, tmp_path) -> None:
    one = replace(report, trials=[each for each in report.trials if each.evaluations][:1])
    texts = " ".join(_page(tmp_path / "one.html", one).texts)
    assert "Limits" in texts
    assert "measured on images of the same origin" in texts
    several = replace(report, trials=[*one.trials, *one.trials])
    assert "same origin" not in " ".join(_page(tmp_path / "two.html", several).texts)


def test_names_that_are_no_utf8_do_not_stop_the_report(tmp_path) -> None:
    page = _page(tmp_path / "report.html", Report("caf\udce9"))
    assert "caf\\udce9" in page.texts


def test_many_classes_come_with_their_largest_confusions(drawn, tmp_path) -> None:
    parts = {
        name: Evaluation(drawn(images=400, classes=20, seed=seed))
        for seed, name in enumerate(["validation", "test"])
    }
    trial = TrialReport("many", evaluations=parts)
    content = write_report(tmp_path / "report.html", Report("Many", trials=[trial])).read_text()
    assert "Most frequent confusions" in content
    assert content.count("These are the 12 of 20 classes that are hardest to tell") == 1


def test_images_that_are_gone_do_not_stop_the_report(drawn, tmp_path) -> None:
    trial = TrialReport("gone", evaluations={"TEST": Evaluation(drawn())})
    page = _page(tmp_path / "report.html", Report("Gone", trials=[trial]))
    assert len(page.sources()) == 4


def test_overlays_stand_beside_their_mistakes(report, tmp_path) -> None:
    import cv2

    plain = _page(tmp_path / "plain.html", report).sources()
    evaluation = report.trials[0].evaluations["TEST"]
    file = worst_mistakes(evaluation.predictions)["filename"].iloc[0]
    cv2.imwrite(str(tmp_path / "seen.png"), np.full((30, 40, 3), 200, dtype="uint8"))
    seen = replace(report.trials[0], overlays={"TEST": {file: tmp_path / "seen.png"}})
    page = _page(tmp_path / "seen.html", replace(report, trials=[seen, *report.trials[1:]]))
    added = [source for source in page.sources() if source not in plain]
    assert len(page.sources()) == len(plain) + 1
    assert added[0].startswith("data:image/jpeg")
    assert "Grad-CAM" in " ".join(page.texts)
