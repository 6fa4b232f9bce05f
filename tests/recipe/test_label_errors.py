"""Labels that are probably wrong are found, corrected and read back."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pykeras_tl import find_label_errors, list_images
from pykeras_tl.cli import main
from pykeras_tl.evaluation import prediction_table
from pykeras_tl.recipe.label_errors import suspect_labels

_WRONG = ["red/3.png", "green/5.png"]


@pytest.fixture(scope="module")
def colors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write images of two colors, two of them in the wrong folder, one of these with a copy."""
    folder = tmp_path_factory.mktemp("label-errors") / "colors"
    random = np.random.default_rng(0)
    for channel, name in enumerate(("red", "green")):
        (folder / name).mkdir(parents=True)
        for number in range(20):
            pixels = random.integers(0, 90, (24, 24, 3))
            right = f"{name}/{number}.png" not in _WRONG
            pixels[..., channel if right else 1 - channel] += 150
            Image.fromarray(pixels.astype("uint8")).save(folder / name / f"{number}.png")
    mirrored = np.asarray(Image.open(folder / "red" / "3.png"))[:, ::-1]
    Image.fromarray(mirrored).save(folder / "red" / "copy.png")
    return folder


@pytest.mark.slow
def test_wrong_labels_are_found_and_read_back(
    colors: Path,
    tmp_path: Path,
    tiny_backbone: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    out = tmp_path / "out"
    command = f"pykeras-tl find-label-errors {colors} --out {out} --backbone tiny"
    command += " --weights none --size 32 32 --repeats 3"
    monkeypatch.setattr(sys, "argv", command.split())
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert "3 of 41 labels" in capsys.readouterr().out
    table = pd.read_csv(out / "label_errors.csv", keep_default_na=False)
    assert sorted(table["filename"]) == sorted([*_WRONG, "red/copy.png"])
    assert table["rank"].tolist() == [1, 2, 3]
    assert (table["probability"] > 0.5).all()
    assert (out / "label_errors.html").read_text().count("<figure") == 3
    assert (out / "label_errors.png").is_file()
    # Nothing is changed before someone has said so.
    assert list_images(colors, corrections=table)["class"].value_counts()["red"] == 21
    table["new_class"] = table["suggested"]
    corrected = list_images(colors, corrections=table)
    assert corrected["class"].value_counts().to_dict() == {"red": 20, "green": 21}
    network = {"backbone": "tiny", "weights": None, "target_size": (32, 32)}
    again = find_label_errors(colors, corrections=table, repeats=3, **network)
    assert "images: 41 · labels that are probably wrong:" in repr(again)
    assert not set(again.suspects["filename"].map(lambda name: Path(name).name)) & {"copy.png"}


def test_suspects_are_those_that_contradict_a_certain_prediction() -> None:
    random = np.random.default_rng(0)
    true = np.repeat([0, 1, 2], 40)
    values = random.dirichlet(np.ones(3), 120) * 0.05 + 0.95 * np.eye(3)[true]
    labels = true.copy()
    labels[[0, 50, 100]] = [1, 2, 0]
    unsure = 20
    values[unsure] = [0.3, 0.4, 0.3]  # Wrong, but far from certain: a difficult image.
    names = np.array(["a", "b", "c"])
    table = prediction_table(
        [f"{number}.png" for number in range(120)], names[labels].tolist(), values, list(names)
    )
    found = suspect_labels(table)
    assert sorted(found["filename"]) == ["0.png", "100.png", "50.png"]
    by_name = found.set_index("filename")
    assert by_name["suggested"].to_dict() == {"0.png": "a", "50.png": "b", "100.png": "c"}
    order = values[[0, 50, 100], labels[[0, 50, 100]]].argsort()
    assert found["filename"].tolist() == [["0.png", "50.png", "100.png"][i] for i in order]


def test_without_cleanlab_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cleanlab.filter", None)
    with pytest.raises(ImportError, match=r'pip install "pykeras-tl\[labels\]"'):
        find_label_errors("nowhere")
