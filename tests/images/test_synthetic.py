import hashlib
import json
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from pykeras_tl.images.datasets.folders import list_images
from pykeras_tl.images.synthetic import dataset, generate_blood_cells, generate_smear
from pykeras_tl.images.synthetic.white_cells import CELL_KINDS


def digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*.jpeg"))
    }


def test_laid_out_as_the_real_set(tmp_path):
    folder = generate_blood_cells(tmp_path / "cells", train=3, test=2, test_simple=1)
    for part, count in {"TRAIN": 3, "TEST": 2, "TEST_SIMPLE": 1}.items():
        table = list_images(folder / part)
        assert table["class"].value_counts().to_dict() == dict.fromkeys(CELL_KINDS, count)
        for name in table["filename"]:
            assert Path(name).read_bytes()[:3] == b"\xff\xd8\xff"
            assert cv2.imread(name).shape == (240, 320, 3)


def test_same_seed_same_bytes_whatever_the_threads_and_counts(tmp_path, monkeypatch):
    size = (60, 80)
    first = digests(generate_blood_cells(tmp_path / "1", 3, 1, 1, seed=5, size=size))
    monkeypatch.setattr(dataset, "default_workers", lambda: 1)
    assert digests(generate_blood_cells(tmp_path / "2", 3, 1, 1, seed=5, size=size)) == first
    more = digests(generate_blood_cells(tmp_path / "3", 5, 2, 1, seed=5, size=size))
    assert {name: more[name] for name in first} == first
    other = digests(generate_blood_cells(tmp_path / "4", 3, 1, 1, seed=6, size=size))
    assert len(set(first.values()) | set(other.values())) == 2 * len(first)


def test_numpys_own_random_state_stays(tmp_path):
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    generate_smear("MONOCYTE", np.random.default_rng(0))
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002


@pytest.mark.parametrize("kind", CELL_KINDS)
@pytest.mark.parametrize("size", [(24, 24), (50, 50), (240, 320), (400, 300)])
def test_every_size_holds_background_and_nucleus(kind, size):
    image = generate_smear(kind, np.random.default_rng(3), size)
    assert image.shape == (*size, 3)
    assert image.dtype == np.uint8
    red = image[..., 0].astype(int)
    assert red.max() > 180
    # A nucleus lets blue through and swallows red.
    assert ((image[..., 2] - red) > 40).mean() > 0.005


@pytest.mark.slow
def test_kinds_differ_as_the_real_cells_do():
    def nuclei(kind: str) -> list[tuple[float, int]]:
        found = []
        for number in range(30):
            image = generate_smear(kind, np.random.default_rng([1, number])).astype(int)
            mask = ((image[..., 2] - image[..., 0]) > 55).astype(np.uint8)
            mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
            core = cv2.erode(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (13, 13)))
            lobes = cv2.connectedComponentsWithStats(core)[2][1:, cv2.CC_STAT_AREA]
            found.append((float(mask.sum()), int((lobes > 8).sum())))
        return found

    area = {kind: np.median([size for size, _ in nuclei(kind)]) for kind in CELL_KINDS}
    lobes = {kind: np.mean([count for _, count in nuclei(kind)]) for kind in CELL_KINDS}
    assert area["LYMPHOCYTE"] > 1.2 * area["EOSINOPHIL"]
    assert area["MONOCYTE"] > 1.2 * area["NEUTROPHIL"]
    assert 0.8 < lobes["LYMPHOCYTE"] < 1.4
    assert 1.5 < lobes["EOSINOPHIL"] < 2.4
    assert lobes["NEUTROPHIL"] > 2.5


@pytest.mark.slow
def test_colours_alone_do_not_tell_the_kinds_apart():
    images = [
        (generate_smear(kind, np.random.default_rng([part, number]), (60, 80)), part, label)
        for label, kind in enumerate(CELL_KINDS)
        for part, count in enumerate((60, 30))
        for number in range(count)
    ]
    colours = np.array(
        [
            np.concatenate([np.histogram(image[..., c], 16, (0, 256))[0] for c in range(3)])
            for image, _, _ in images
        ]
    )
    test = np.array([part == 1 for _, part, _ in images])
    labels = np.array([label for _, _, label in images])
    linear = LogisticRegression(max_iter=2000).fit(colours[~test] / 500, labels[~test])
    assert 0.3 < linear.score(colours[test] / 500, labels[test]) < 0.85


def test_the_same_drawing_is_left_and_anything_else_refused(tmp_path):
    folder = generate_blood_cells(tmp_path / "cells", 1, 0, 0, size=(30, 40))
    times = {path: path.stat().st_mtime_ns for path in folder.rglob("*.jpeg")}
    generate_blood_cells(folder, 1, 0, 0, size=(30, 40))
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.jpeg")} == times
    with pytest.raises(FileExistsError, match="other synthetic images"):
        generate_blood_cells(folder, 2, 0, 0, size=(30, 40))
    next(iter(times)).unlink()
    with pytest.raises(FileExistsError, match="1 images are missing"):
        generate_blood_cells(folder, 1, 0, 0, size=(30, 40))


def test_a_folder_or_file_of_something_else_stays(tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(FileExistsError, match="not generated by this"):
        generate_blood_cells(tmp_path, 1, 0, 0)
    with pytest.raises(FileExistsError, match="Received the file"):
        generate_blood_cells(tmp_path / "thesis.tex", 1, 0, 0)
    assert (tmp_path / "thesis.tex").read_text() == "mine"
    (tmp_path / "empty").mkdir()
    assert list_images(
        generate_blood_cells(tmp_path / "empty", 1, 0, 0, size=(24, 24)) / "TRAIN"
    ).size


def test_an_interrupted_drawing_leaves_nothing(tmp_path, monkeypatch):
    drawn = threading.Semaphore(5)

    def full_disk(path, image):
        if not drawn.acquire(blocking=False):
            raise OSError(28, "No space left on device", str(path))
        path.write_bytes(b"")

    monkeypatch.setattr(dataset, "_save", full_disk)
    with pytest.raises(OSError, match="No space left"):
        generate_blood_cells(tmp_path / "cells", 10, 0, 0, size=(24, 24))
    assert list(tmp_path.iterdir()) == []


def test_progress_is_shown_to_a_person_only(tmp_path, monkeypatch, capsys):
    generate_blood_cells(tmp_path / "quiet", 1, 0, 0, size=(24, 32))
    assert capsys.readouterr().err == ""
    monkeypatch.setenv("FORCE_COLOR", "1")
    generate_blood_cells(tmp_path / "watched", 1, 0, 0, size=(24, 32))
    shown = capsys.readouterr().err
    assert "Generating" in shown
    assert "4/4" in shown


def test_record_tells_how_it_was_drawn(tmp_path):
    folder = generate_blood_cells(tmp_path / "cells", 1, 2, 0, seed=3, size=(24, 32))
    assert json.loads((folder / "drawn.json").read_text()) == {
        "drawn": "blood cells",
        "images": {"TRAIN": 1, "TEST": 2, "TEST_SIMPLE": 0},
        "seed": 3,
        "size": [24, 32],
    }


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"train": -1}, r"`train` .* Received: -1"),
        ({"train": 0, "test": 0, "test_simple": 0}, "Received: 0 for all"),
        ({"seed": -1}, r"`seed` .* Received: -1"),
        ({"size": (10, 320)}, "24 pixels"),
    ],
)
def test_impossible_settings_are_refused(tmp_path, settings, words):
    with pytest.raises(ValueError, match=words):
        generate_blood_cells(tmp_path / "cells", **settings)
    with pytest.raises(ValueError, match="BASOPHIL"):
        generate_smear("BASOPHIL", np.random.default_rng(0))
    assert not (tmp_path / "cells").exists()
