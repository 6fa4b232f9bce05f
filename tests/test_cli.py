from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pykeras_tl import __version__
from pykeras_tl.cli import main
from pykeras_tl.images.synthetic import generate_blood_cells
from pykeras_tl.models import Classifier, PreprocessConfig
from pykeras_tl.models.saving.classifier import load_classifier


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Run the command with arguments and return exit status, output and errors."""

    def command(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["pykeras-tl", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            main()
        told = capsys.readouterr()
        return int(stopped.value.code or 0), told.out, told.err

    return command


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawn") / "cells"
    generate_blood_cells(folder, train=10, test=2, test_simple=2, seed=3)
    return folder


def test_pack_makes_shards(run, cells: Path, tmp_path: Path) -> None:
    out = tmp_path / "packed"
    status, told, _ = run("pack", cells, out, "--shard-megabytes", 0.05)
    shards = list(out.rglob("*.tar"))
    assert (status, told) == (0, f"shards: {out} ({len(shards)})\n")
    assert {shard.parent.name for shard in shards} == {"TRAIN", "TEST", "TEST_SIMPLE"}
    assert run("pack", cells, out)[0] == 2


def test_version_is_that_of_the_package(run) -> None:
    assert run("--version") == (0, f"pykeras-tl {__version__}\n", "")


def test_the_package_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pykeras_tl", "--version"], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, f"pykeras-tl {__version__}\n"), done.stderr


def test_the_shell_completes_commands(run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_PYKERAS_TL_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "pykeras-tl pre")
    monkeypatch.setenv("COMP_CWORD", "1")
    status, output, _ = run()
    assert (status, output.split()) == (0, ["predict"])


def test_completion_can_be_installed(run) -> None:
    status, output, _ = run("--help")
    assert status == 0
    assert "--install-completion" in output


@pytest.mark.parametrize("command", ["generate-cells", "draw-cells"])
def test_generate_cells_makes_the_data_set(run, tmp_path: Path, command: str) -> None:
    status, _, told = run(command, tmp_path / "cells", "--train", 2, "--test", 1, "--seed", 1)
    assert status == 0
    assert ("now called generate-cells" in told) is (command == "draw-cells")
    assert len(list((tmp_path / "cells" / "TRAIN" / "MONOCYTE").iterdir())) == 2
    assert len(list((tmp_path / "cells").rglob("*.jp*g"))) == 4 * (2 + 1 + 15)


@pytest.mark.parametrize(
    ("text", "expected"), [("2", 2), ("all", "all"), ("gpu:0,gpu:1", ["gpu:0", "gpu:1"])]
)
def test_train_search_and_study_pass_devices_on(
    run, cells: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, expected: object
) -> None:
    calls: list[dict] = []

    def record(*arguments: object, **options: object) -> None:
        calls.append(options)
        raise ValueError("Nothing is trained here.")

    monkeypatch.setattr("pykeras_tl.classifier_training.train_classifier", record)
    monkeypatch.setattr("pykeras_tl.search.search_classifier", record)
    monkeypatch.setattr("pykeras_tl.studies.run_study", record)
    options = ["--devices", text, "--mixed-precision", "mixed_bfloat16"]
    run("train", cells, "--out", tmp_path, *options)
    run("search", cells, "--out", tmp_path, *options)
    run("study", "blood-cells", "--data", cells, "--out", tmp_path, *options)
    trained, searched, studied = calls
    for given in (trained, searched):
        assert (given["devices"], given["mixed_precision"]) == (expected, "mixed_bfloat16")
    assert studied["changes"] == {
        "training.devices": expected,
        "training.mixed_precision": "mixed_bfloat16",
    }


def test_study_lists_what_there_is(run) -> None:
    status, output, _ = run("study", "--list")
    assert status == 0
    assert output.startswith("blood-cells: ")


@pytest.mark.slow
def test_study_shows_the_table_and_the_report(run, cells: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    status, output, messages = run(
        *("study", "blood-cells", "--data", cells, "--out", out),
        *("--quick", "--epochs", 1, "--trials", "modern", "--weights", "none"),
    )
    assert status == 0
    assert "[1/1] modern" in messages
    assert "modern" in output
    assert "test accuracy with its 95 % interval, by distinct image or group:" in output
    assert "8 images, 8 distinct" in output
    assert f"report: {out / 'report.html'}" in output
    assert (out / "report.html").is_file()


@pytest.mark.slow
def test_train_then_predict(run, cells: Path, tmp_path: Path, tiny_backbone: str) -> None:
    out = tmp_path / "classifier"
    status, output, _ = run(
        *("train", cells / "TRAIN", "--out", out, "--backbone", tiny_backbone),
        *("--weights", "none", "--size", 32, 32, "--epochs", 1, "--batch-size", 4),
        *("--groups", r"^\d+"),
    )
    assert status == 0
    (line,) = (line for line in output.splitlines() if line.startswith("test accuracy: "))
    assert re.fullmatch(
        r"test accuracy: [\d.]+ \(95 % interval [\d.]+ to [\d.]+\) on 8 images, 2 groups", line
    )
    (trial,) = (out / "trials").iterdir()
    validation, test = (
        set(pd.read_csv(trial / "evaluation" / part / "groups.csv")["group"])
        for part in ("validation", "test")
    )
    assert len(validation) == len(test) == 2
    assert not validation & test
    table = tmp_path / "predicted.csv"
    folder = out / "classifier"
    assert f"classifier: {folder}" in output
    status, *_ = run("predict", folder, cells / "TEST", "--csv", table)
    assert status == 0
    predicted = pd.read_csv(table)
    assert len(predicted) == 8
    assert list(predicted)[2:5] == ["prediction_set", "none_of_these", "novelty"]
    assert predicted.iloc[:, 5:].sum(axis=1).to_numpy() == pytest.approx(1, abs=1e-5)
    # The report shows the maps of the mistakes, which were saved with the trial.
    assert "Grad-CAM" in (out / "report.html").read_text(encoding="utf-8")
    assert list((trial / "explanations" / "test").glob("*.png"))
    why = tmp_path / "why"
    status, output, _ = run("predict", folder, cells / "TEST", "--explain", why)
    assert status == 0
    assert f"explanations: {why}" in output
    assert len(list(why.glob("*.png"))) == len(pd.read_csv(why / "explanations.csv")) == 8
    page = tmp_path / "map.html"
    status, output, _ = run("map-images", folder, cells / "TEST", "--out", page)
    assert (status, output) == (0, f"page: {page}\n")
    status, _, told = run("predict", folder, cells / "TEST", "--csv", table)
    assert status == 2
    assert "already exists" in told
    image = next((cells / "TEST").rglob("*.jpeg"))
    (tmp_path / "empty.png").touch()
    table.unlink()
    status, output, told = run("predict", folder, image, tmp_path / "empty.png", "--csv", table)
    assert status == 1
    assert "is empty" in output
    assert "1 of 2 files cannot be read; the column error tells why." in told
    assert pd.read_csv(table)["predicted"].notna().tolist() == [True, False]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("study", "blood-cells", "--data", "nowhere", "--out", "out"), "There is no folder"),
        (("study", "red-cells", "--data", ".", "--out", "out"), "Unknown study 'red-cells'"),
        (("train", "nowhere", "--out", "out"), "There is no folder"),
        (("train", ".", "--out", "out", "--backbone", "vgg61"), "vgg61"),
        (("audit", ".", "--split", "north"), "north"),
        (("predict", "nowhere", "image.png"), "nowhere"),
    ],
)
def test_mistakes_are_told_in_a_line(
    run, arguments: tuple, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    status, _, errors = run(*arguments)
    assert status == 2
    assert told in errors
    assert len(errors.strip().splitlines()) <= 2
    assert "Traceback" not in errors
    assert list(tmp_path.glob("out")) == []


def test_unknown_arguments_are_refused(run) -> None:
    status, _, errors = run("train", ".", "--out", "out", "--epoch", "3")
    assert status == 2
    assert "--epoch" in errors


def test_cache_lists_and_clears(run, tmp_path: Path) -> None:
    from pykeras_tl.storage.disk_cache import create_entry

    assert run("cache")[1].strip() == "The cache is empty."
    with create_entry("features", "name", "VGG16 on cells") as folder:
        (folder / "data.bin").write_bytes(b"0" * 1_000_000)
    assert "VGG16 on cells" in run("cache")[1]
    assert run("cache", "--clear")[1].strip() == "Freed 1 MB."
    assert run("cache")[1].strip() == "The cache is empty."


def test_weights_are_listed_and_verified(
    run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pykeras_tl.models.weights.published import PUBLISHED_WEIGHTS, WeightsPackage

    monkeypatch.setattr("keras.src.backend.config._KERAS_DIR", str(tmp_path))
    monkeypatch.setattr(WeightsPackage, "find", lambda _: None)
    assert run("weights", "verify")[:2] == (0, "There are no weights on this machine.\n")
    status, output, _ = run("weights")
    assert status == 0
    assert f"put the file into {tmp_path / 'models'}" in output
    assert PUBLISHED_WEIGHTS["vgg16"].address in output
    assert "On this machine" not in output
    file = tmp_path / "models" / PUBLISHED_WEIGHTS["vgg16"].file
    file.parent.mkdir()
    file.write_bytes(b"not the weights")
    assert f"Keras's cache {file}" in run("weights")[1]
    status, output, _ = run("weights", "verify")
    assert status == 1
    assert output.endswith(f"vgg16 {file} damaged or changed\n")
    assert run("weights", "fetch", "VGG16")[1] == f"VGG16: {file}\n"
    status, _, errors = run("weights", "fetch", "vgg61")
    assert status == 2
    assert "Did you mean 'vgg19' or 'vgg16'?" in errors


def test_audit_tells_what_is_wrong_by_its_status(run, cells: Path, tmp_path: Path) -> None:
    status, output, _ = run("audit", cells)
    assert status == 0
    assert "56 images" in output
    (tmp_path / "bad" / "cat").mkdir(parents=True)
    (tmp_path / "bad" / "dog").mkdir()
    (tmp_path / "bad" / "cat" / "empty.jpg").touch()
    for name in ("cat/1.jpg", "dog/1.jpg"):
        image = next((cells / "TEST" / "MONOCYTE").iterdir())
        (tmp_path / "bad" / name).write_bytes(image.read_bytes())
    # As splits, the equal images are a leak and no disagreement of labels.
    status, output, _ = run("audit", tmp_path / "bad", "--split", "cat", "--split", "dog")
    assert status == 1
    assert "across splits" in output
    assert "across classes" not in output
    status, output, _ = run("audit", tmp_path / "bad", "--out", tmp_path / "found")
    assert status == 1
    assert "! empty: 1" in output
    assert "across classes" in output
    assert (tmp_path / "found" / "audit.html").is_file()


@pytest.fixture
def latin(tmp_path: Path) -> Path:
    """Two classes of images whose names are Latin-1, not UTF-8."""
    random = np.random.default_rng(0)
    for label in (b"r\xe9d", b"blue"):
        folder = tmp_path / "latin" / os.fsdecode(label)
        try:
            folder.mkdir(parents=True)
        except OSError:
            pytest.skip("the file system takes only UTF-8")
        for number in range(20):
            image = Image.fromarray(random.integers(0, 256, (32, 32, 3), "uint8"))
            with (folder / os.fsdecode(b"caf\xe9 %d.png" % number)).open("wb") as file:
                image.save(file, "PNG")
    copied = next((tmp_path / "latin" / "blue").iterdir())
    shutil.copy(copied, tmp_path / "latin" / os.fsdecode(b"r\xe9d"))
    return tmp_path / "latin"


def test_the_demo_is_quiet_and_ends_with_what_to_try(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def train(cells: Path, out: Path, **settings: object) -> None:
        print("Epoch 1/18")
        warnings.warn("of a library", stacklevel=1)
        os.write(2, b"words of C++\n")
        out.mkdir()
        row = {"split": "test", "size": "200 images", "accuracy": 0.955, "low": 0.925, "high": 0.98}
        pd.DataFrame([row]).to_csv(out / "intervals.csv", index=False)

    table = pd.DataFrame({"test accuracy": [0.25, 0.6, 0.4]})
    monkeypatch.setattr("pykeras_tl.images.generate_blood_cells", lambda folder: None)
    monkeypatch.setattr("pykeras_tl.classifier_training.train_classifier", train)
    monkeypatch.setattr(
        "pykeras_tl.studies.run_study", lambda *_, **__: SimpleNamespace(table=table)
    )
    monkeypatch.setattr(sys, "argv", ["pykeras-tl", "demo", "--out", str(tmp_path / "demo")])
    # As after `make demo`, the program is not where the shell looks for it.
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "pykeras-tl").touch()
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        main()
    shown, told = capfd.readouterr()
    assert stopped.value.code in (0, None)
    assert [line.split()[0] for line in told.splitlines()] == ["Generating", "Training", "Training"]
    assert "95.5 % of the test cells correctly (95 % interval 92.5 to 98.0 %)" in shown
    assert "25 to 60 %" in shown
    commands = [line.split() for line in shown.splitlines()[-6:] if "#" not in line]
    assert [words[1] for words in commands] == ["app", "predict", "train"]
    assert {words[0] for words in commands} == {"bin/pykeras-tl"}
    log = (tmp_path / "demo" / "log.txt").read_text()
    assert all(text in log for text in ("Epoch 1/18", "of a library", "words of C++"))


def test_audit_writes_names_that_are_not_utf8(run, latin: Path, tmp_path: Path) -> None:
    status, _, errors = run("audit", latin, "--out", tmp_path / "found")
    assert errors == ""
    assert status == 1
    files = (tmp_path / "found" / "files.csv").read_bytes()
    assert files.count(b"caf\xe9") == 40
    assert "caf\\udce9" in (tmp_path / "found" / "audit.html").read_text("utf-8")


@pytest.mark.slow
def test_predictions_of_many_classes_fit_a_console(run, cells: Path, tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.GlobalAveragePooling2D()])
    model.add(keras.layers.Dense(40, "softmax"))
    names = [f"species {number}" for number in range(40)]
    Classifier(model, names, PreprocessConfig((8, 8))).save(tmp_path / "birds")
    status, told, _ = run("predict", tmp_path / "birds", cells / "TEST")
    assert status == 0
    assert "probability" in told
    assert max(len(line) for line in told.splitlines()) < 200
    assert "--csv FILE writes the probabilities of all 40 classes." in told
    run("predict", tmp_path / "birds", cells / "TEST", "--csv", tmp_path / "all.csv")
    assert {"predicted", *names} <= set(pd.read_csv(tmp_path / "all.csv"))


@pytest.mark.slow
def test_names_that_are_not_utf8_are_trained_on_and_predicted(
    run, latin: Path, tmp_path: Path, tiny_backbone: str
) -> None:
    out, table = tmp_path / "out", tmp_path / "predicted.csv"
    status, _, errors = run(
        *("train", latin, "--out", out, "--backbone", tiny_backbone, "--weights", "none"),
        *("--size", 32, 32, "--epochs", 1, "--batch-size", 4),
    )
    assert status == 0, errors
    status, *_ = run("predict", out / "classifier", latin, "--csv", table)
    assert status == 0
    assert b"r\xe9d/caf\xe9 0.png" in table.read_bytes()


@pytest.mark.slow
def test_train_uses_splits_and_leaves_bad_files_out_when_asked(
    run, cells: Path, tmp_path: Path, tiny_backbone: str
) -> None:
    data = tmp_path / "data"
    shutil.copytree(cells, data)
    (data / ".ipynb_checkpoints").mkdir()
    (data / "TRAIN" / "MONOCYTE" / "bad.jpeg").touch()
    options = ("--backbone", tiny_backbone, "--weights", "none", "--size", 32, 32)
    options += ("--epochs", 1, "--batch-size", 4)
    status, _, errors = run("train", data, "--out", tmp_path / "out", *options)
    assert status == 2
    assert "bad.jpeg is empty" in errors
    assert "--skip-bad" in errors
    status, _, errors = run("train", data, "--out", tmp_path / "out", "--skip-bad", *options)
    assert status == 0, errors
    assert "training on TRAIN" in errors
    assert "Warning: 1 of" in errors
    assert len(load_classifier(tmp_path / "out" / "classifier").class_names) == 4
