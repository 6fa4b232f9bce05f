import base64
import hashlib
import html
import shutil
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy import ndimage

from pykeras_tl.images.auditing import audit, findings, plot_copies, write_page
from pykeras_tl.images.auditing.quality import measure
from pykeras_tl.images.auditing.review import choose_images
from pykeras_tl.images.datasets.folders import list_images
from pykeras_tl.images.synthetic import generate_blood_cells, generate_smear


def bomb() -> bytes:
    # A PNG header that promises 900 million pixels in a few bytes.
    content = BytesIO()
    Image.new("L", (1, 1)).save(content, "PNG")
    data = bytearray(content.getvalue())
    data[16:24] = (30_000).to_bytes(4, "big") * 2
    import zlib

    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    return bytes(data)


@pytest.fixture(scope="module")
def clean(tmp_path_factory) -> Path:
    return generate_blood_cells(tmp_path_factory.mktemp("audit") / "cells", 20, 3, 0, seed=4)


@pytest.fixture
def cells(clean, tmp_path) -> Path:
    return Path(shutil.copytree(clean, tmp_path / "cells"))


def problems_of(found) -> dict[str, list[str]]:
    return {
        str(problem): sorted(Path(name).name for name in rows["filename"])
        for problem, rows in found.problems.groupby("problem")
    }


def test_a_clean_set_passes(clean):
    found = audit(clean, workers=2)
    assert found.ok
    assert problems_of(found) == {}
    assert "No problems found" in found.summary()
    assert found.classes().to_dict() == {
        "TRAIN": dict.fromkeys(["EOSINOPHIL", "LYMPHOCYTE", "MONOCYTE", "NEUTROPHIL"], 20),
        "TEST": dict.fromkeys(["EOSINOPHIL", "LYMPHOCYTE", "MONOCYTE", "NEUTROPHIL"], 3),
    }
    assert (found.files["mode"] == "RGB").all()
    assert set(zip(found.files["width"], found.files["height"])) == {(320, 240)}
    assert plot_copies(found, "within class").texts


def test_every_kind_of_bad_file_is_named(cells):
    folder = cells / "TRAIN" / "MONOCYTE"
    whole = (folder / "00000.jpeg").read_bytes()
    (folder / "empty.jpeg").write_bytes(b"")
    (folder / "cut.jpeg").write_bytes(whole[: len(whole) // 2])
    (folder / "text.png").write_bytes(b"<html>404</html>")
    (folder / "bomb.png").write_bytes(bomb())
    (folder / "named.webp").write_bytes(b"RIFF0000WEBPVP8 ")
    (folder / "unnamed.dat").write_bytes(whole)
    smear = generate_smear("MONOCYTE", np.random.default_rng(77))
    (folder / "really.png").write_bytes(cv2.imencode(".jpg", smear)[1].tobytes())
    loose = Image.fromarray(generate_smear("MONOCYTE", np.random.default_rng(78))).convert("L")
    loose.crop((0, 0, 300, 240)).save(cells / "TRAIN" / "loose.png")
    found = audit(cells, workers=2)
    assert not found.ok
    assert problems_of(found) == {
        "empty": ["empty.jpeg"],
        "truncated": ["cut.jpeg"],
        "unreadable": ["named.webp", "text.png"],
        "gigantic": ["bomb.png"],
        "wrong extension": ["really.png"],
        "other format": ["named.webp"],
        "passed over": ["unnamed.dat"],
        "no class": ["loose.png"],
        "mixed modes": [""],
        "mixed formats": [""],
        "mixed sizes": [""],
    }
    assert "2 sizes from 300×240 to 320×240 pixels" in found.summary()
    bad = found.files[found.files["group"] < 0]
    assert sorted(Path(name).name for name in bad["filename"]) == [
        "bomb.png", "cut.jpeg", "empty.jpeg", "named.webp", "text.png",
    ]  # fmt: skip
    assert "! empty: 1" in found.summary()
    loose = found.files[found.files["filename"].str.endswith("loose.png")].iloc[0]
    assert (loose["class"], loose["split"], loose["mode"], loose["format"]) == (
        "", "TRAIN", "L", "PNG",
    )  # fmt: skip


def test_copies_are_sorted_by_what_they_spoil(cells):
    def copy(source, target, change):
        image = cv2.imread(str(cells / source))
        cv2.imwrite(str(cells / target), change(image))

    copy("TRAIN/NEUTROPHIL/00001.jpeg", "TEST/NEUTROPHIL/leak.jpeg", lambda image: image[:, ::-1])
    copy("TRAIN/MONOCYTE/00002.jpeg", "TRAIN/LYMPHOCYTE/other.jpeg", np.rot90)
    shutil.copy(cells / "TRAIN/EOSINOPHIL/00003.jpeg", cells / "TRAIN/EOSINOPHIL/same.jpeg")
    found = audit(cells, workers=2)
    assert problems_of(found) == {
        "across splits": ["00001.jpeg", "leak.jpeg"],
        "across classes": ["00002.jpeg", "other.jpeg"],
        "within class": ["00003.jpeg", "same.jpeg"],
        "mixed sizes": [""],  # The turned one stands upright.
    }
    assert not found.ok
    assert found.leaks.to_dict("records") == [
        {"split": "TEST", "images": 13, "in_training": 1, "share": 1 / 13}
    ]
    exact = found.copies.set_index("relation")["exact"]
    assert exact["within class"].all()
    assert not exact["across splits"].any()
    leak = found.copies[found.copies["filename"].str.endswith("leak.jpeg")].iloc[0]
    assert leak["copy"] == str(cells / "TRAIN/NEUTROPHIL/00001.jpeg")
    assert "1 of 13 images of TEST (7.7%) have copies in training" in found.summary()
    assert len(plot_copies(found, "across classes").axes) == 2


def test_copies_do_not_count_as_images(cells):
    for source in sorted((cells / "TEST" / "MONOCYTE").iterdir()):
        image = cv2.imread(str(source))
        for number in range(8):
            copy = np.rot90(image, 2 * (number % 2))[:, :: 1 - 2 * (number // 2 % 2)]
            cv2.imwrite(str(source.with_name(f"{source.stem}-{number}.jpeg")), copy)
    found = audit(cells, workers=2)
    assert found.classes().loc["MONOCYTE", ["TEST", "TRAIN"]].tolist() == [27, 20]
    assert found.distinct().loc["MONOCYTE", ["TEST", "TRAIN"]].tolist() == [3, 20]
    assert "116 images" in found.summary().splitlines()[0]
    assert "92 distinct" in found.summary().splitlines()[0]
    assert "  TEST: 36 images, 12 distinct" in found.summary()
    few = found.problems[found.problems["problem"] == "few distinct images"]
    assert few[["class", "split", "detail", "serious"]].values.tolist() == [
        ["MONOCYTE", "TEST", "has 27 images, 3 distinct", False]
    ]
    page = write_page(found, cells.parent / "audit.html").read_text()
    assert "Distinct images per class" in page


def test_a_large_set_is_searched_for_equal_pixels_only(cells, monkeypatch, caplog):
    names = sorted((cells / "TRAIN/MONOCYTE").iterdir())[:2]
    shutil.copy(names[0], cells / "TEST/MONOCYTE/same.jpeg")
    cv2.imwrite(str(cells / "TEST/MONOCYTE/turned.png"), np.rot90(cv2.imread(str(names[1]))))
    assert len(audit(cells).copies) == 4
    monkeypatch.setattr(findings, "MAX_SEARCHED", 50)
    copies = audit(cells).copies
    assert {Path(name).name for name in copies["filename"]} == {"same.jpeg", names[0].name}
    assert "only copies with equal pixels" in caplog.text


def test_classes_too_few_and_uneven_and_alone(tmp_path, clean):
    for label, count in {"EOSINOPHIL": 20, "MONOCYTE": 1}.items():
        (tmp_path / "set" / label).mkdir(parents=True)
        for name in list_images(clean / "TRAIN", [label])["filename"][:count]:
            shutil.copy(name, tmp_path / "set" / label)
    found = audit(tmp_path / "set", workers=1)
    assert found.ok
    assert set(found.problems["problem"]) == {"few images", "uneven classes"}
    assert set(found.problems["class"]) == {"MONOCYTE"}
    shutil.rmtree(tmp_path / "set" / "MONOCYTE")
    alone = audit(tmp_path / "set", workers=1)
    assert set(alone.problems["problem"]) == {"one class"}
    assert not alone.ok


def test_stray_folders_hide_no_leak_and_are_named(cells):
    shutil.copy(cells / "TRAIN/MONOCYTE/00000.jpeg", cells / "TEST/MONOCYTE/leak.jpeg")
    for name in (".ipynb_checkpoints", "__MACOSX", ".git", "TRAIN/MONOCYTE/.ipynb_checkpoints"):
        (cells / name).mkdir()
        shutil.copy(cells / "TRAIN/MONOCYTE/00001.jpeg", cells / name / "1.jpeg")
    (cells / "annotations").mkdir()
    (cells / "annotations" / "1.xml").touch()
    (cells / "TRAIN" / "BASOPHIL").mkdir()
    (cells / "TRAIN" / "MONOCYTE" / "._00001.jpeg").write_bytes(b"Mac OS X")
    (cells / "TRAIN" / "MONOCYTE" / "Thumbs.db").write_bytes(b"\xff\xd8\xff")
    found = audit(cells, workers=2)
    assert problems_of(found) == {
        "across splits": ["00000.jpeg", "leak.jpeg"],
        "stray": ["._00001.jpeg", ".git", ".ipynb_checkpoints", ".ipynb_checkpoints", "__MACOSX"],
        "empty class": ["BASOPHIL"],
        "beside splits": ["annotations"],
    }
    assert found.leaks["in_training"].tolist() == [1]


def test_splits_of_other_names_are_named(cells):
    (cells / "TRAIN").rename(cells / "north")
    (cells / "TEST").rename(cells / "south")
    assert set(audit(cells, workers=2).files["split"]) == {""}
    found = audit(cells, splits=["north", "south"], workers=2)
    assert found.files["split"].value_counts().to_dict() == {"north": 80, "south": 12}
    with pytest.raises(ValueError, match="east"):
        audit(cells, splits=["east"])


def test_nothing_to_audit(tmp_path):
    with pytest.raises(FileNotFoundError, match="no folder"):
        audit(tmp_path / "missing")
    (tmp_path / "a").mkdir()
    with pytest.raises(ValueError, match="No image found"):
        audit(tmp_path)


def test_tables_and_page_are_written_and_names_escaped(tmp_path):
    root = tmp_path / "set"
    label = "<script>alert(1)<"
    for name in (label, "b"):
        (root / name).mkdir(parents=True)
    image = generate_smear("MONOCYTE", np.random.default_rng(0))
    cv2.imwrite(str(root / label / "<b>&.png"), image)
    cv2.imwrite(str(root / "b" / "turned.png"), np.rot90(image))
    page = audit(root, workers=1).save(tmp_path / "out")
    text = page.read_text()
    assert "<script" not in text
    assert "<b>&" not in text
    assert html.escape(f"{label}/<b>&.png") in text
    assert text.count("data:image/jpeg;base64,") == 2
    assert "://" not in text
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "audit.html", "classes.csv", "copies.csv", "distinct.csv", "files.csv", "leaks.csv",
        "problems.csv", "review.html",
    ]  # fmt: skip
    review = (tmp_path / "out" / "review.html").read_text()
    assert review.count("<script") == review.count("<script>") == 1
    assert "<b>&.png" not in review
    assert f'data-file="{html.escape(f"{label}/<b>&.png")}"' in review
    assert review.count("data:image/jpeg;base64,") == 2
    script = review.partition("<script>")[2].partition("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in review
    assert len(pd.read_csv(tmp_path / "out" / "copies.csv")) == 2
    assert write_page(audit(root, workers=1), page.with_name("again.html")).read_text() == text
    with pytest.raises(ValueError, match=r"relation.* Received: 'in'"):
        plot_copies(audit(root, workers=1), "in")


def test_real_set_in_part(real_data, tmp_path):
    # The study validated on the very photographs that TEST holds copies of.
    for split, step in (("TEST", 25), ("TEST_SIMPLE", 1)):
        for row in list_images(real_data / "blood-cells" / split).iloc[::step].itertuples():
            link = tmp_path / split.replace("TEST_SIMPLE", "train") / row[2] / Path(row[1]).name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(row[1])
    found = audit(tmp_path, workers=2)
    assert found.leaks["share"].item() > 0.9
    assert not found.ok


def test_a_person_who_watches_sees_how_far_it_is(clean, monkeypatch, capsys):
    audit(clean, workers=2)
    assert capsys.readouterr().err == ""
    monkeypatch.setenv("FORCE_COLOR", "1")
    audit(clean, workers=2)
    shown = capsys.readouterr().err
    assert "Reading" in shown
    assert "92/92" in shown
    assert "Comparing" in shown


def _blobs(count: int = 6) -> list[np.ndarray]:
    random = np.random.default_rng(11)
    small = [random.integers(0, 256, (8, 8), "uint8") for _ in range(count)]
    return [cv2.resize(each, (60, 60), interpolation=cv2.INTER_CUBIC) for each in small]


def _saved(root: Path, kind: str) -> Path:
    for number, blob in enumerate(_blobs()):
        folder = root / ("round" if number % 2 else "square")
        folder.mkdir(parents=True, exist_ok=True)
        if kind == "16-bit":
            Image.fromarray(blob.astype("uint16") * 100 + 3000).save(folder / f"{number}.png")
        elif kind == "float":
            Image.fromarray(blob.astype("float32") / 300).save(folder / f"{number}.tif")
        elif kind == "int32":
            Image.fromarray(blob.astype("int32") * 1000 + 700).save(folder / f"{number}.tif")
        else:
            icon = np.zeros((60, 60, 4), "uint8")
            icon[..., 3] = blob
            Image.fromarray(icon).save(folder / f"{number}.png")
    return root


@pytest.mark.parametrize(
    ("kind", "problem", "words"),
    [
        ("16-bit", "bit depth", "has 16 bits and values from 3,"),
        ("float", "bit depth", "has floating-point pixels and values from 0"),
        ("int32", "bit depth", "has 32 bits and values from"),
        ("alpha", "only in alpha", "has its shape in the alpha channel"),
    ],
)
def test_depth_and_alpha_are_named_and_labels_not_blamed(tmp_path, kind, problem, words):
    found = audit(_saved(tmp_path, kind))
    counts = found.problems["problem"].value_counts()
    assert counts[problem] == 6
    assert "across classes" not in counts
    assert "within class" not in counts
    assert not found.ok
    assert words in found.summary()
    assert ('dtype_range="dtype"' in found.summary()) == (problem == "bit depth")
    assert "as 8-bit colors, it is blank" in found.summary() or kind == "alpha"


def test_floats_up_to_one_are_black_not_in_range(tmp_path):
    (tmp_path / "cat").mkdir()
    values = _blobs()[0].astype("float32")
    Image.fromarray(values / values.max()).save(tmp_path / "cat" / "1.tif")
    assert "values from 0 to 1; as 8-bit colors, it is black" in audit(tmp_path).summary()


def test_true_copies_are_found_among_deep_images(tmp_path):
    _saved(tmp_path, "16-bit")
    shutil.copy(tmp_path / "round" / "1.png", tmp_path / "square" / "copy.png")
    assert problems_of(audit(tmp_path))["across classes"] == ["1.png", "copy.png"]


def test_deep_images_that_lose_nothing_are_no_problem(tmp_path):
    for number, blob in enumerate(_blobs()):
        folder = tmp_path / ("round" if number % 2 else "square")
        folder.mkdir(exist_ok=True)
        Image.fromarray(blob.astype("uint16")).save(folder / f"{number}.png")
    assert "bit depth" not in problems_of(audit(tmp_path))


def test_turned_and_animated_files_are_named(tmp_path):
    (tmp_path / "cat").mkdir()
    frames = [Image.fromarray(blob) for blob in _blobs()]
    exif = Image.Exif()
    exif[0x0112] = 6
    frames[0].save(tmp_path / "cat" / "turned.jpg", exif=exif)
    frames[1].save(tmp_path / "cat" / "moving.gif", save_all=True, append_images=frames[2:4])
    frames[2].save(tmp_path / "cat" / "moving.webp", save_all=True, append_images=frames[3:5])
    frames[5].save(tmp_path / "cat" / "plain.png")
    found = audit(tmp_path)
    problems = problems_of(found)
    assert problems["EXIF orientation"] == ["turned.jpg"]
    assert problems["several frames"] == ["moving.gif", "moving.webp"]
    serious = found.problems.set_index("problem")["serious"]
    assert not serious["EXIF orientation"]
    assert "has EXIF orientation 6, which is not applied" in found.summary()


def test_measures_are_those_of_the_slow_form():
    gray = cv2.resize(generate_smear("MONOCYTE", np.random.default_rng(3))[..., 1], (96, 72))
    gray[:, :40] = 0  # The border of a turned image.
    found = measure(gray)
    ordered = np.sort(gray.ravel())
    lit = ordered[ordered > 12]
    assert found.darkest == lit[int(np.ceil(0.05 * lit.size)) - 1]
    assert found.brightest == ordered[int(np.ceil(0.99 * gray.size)) - 1]
    assert found.contrast == pytest.approx(np.std(gray))
    assert found.entropy == pytest.approx(Image.fromarray(gray).entropy())
    laplacian = ndimage.laplace(gray.astype(float), mode="mirror")
    assert found.sharpness == pytest.approx(laplacian.std())


def test_images_that_show_little_are_named(clean, tmp_path):
    folder = tmp_path / "cells"
    shutil.copytree(clean / "TRAIN", folder)
    degraded = {
        "blank": lambda image: np.full_like(image, 120),
        "dark": lambda image: image // 8,
        "overexposed": lambda image: np.where(image > 170, 255, 235).astype("uint8"),
        "blurred": lambda image: cv2.GaussianBlur(image, (0, 0), 8),
        "odd shape": lambda image: image[:80],
        "odd size": lambda image: cv2.resize(image, (80, 60)),
    }
    for number, (name, change) in enumerate(degraded.items()):
        image = cv2.imread(str(folder / "MONOCYTE" / f"{number:05}.jpeg"))
        cv2.imwrite(str(folder / "MONOCYTE" / f"{name}.png"), change(image))
    found = audit(folder, workers=2)
    named = problems_of(found)
    assert {name: named[name] for name in degraded} == {name: [f"{name}.png"] for name in degraded}
    assert "! blank: 1 (for example" in found.summary()
    assert "- dark: 1 (for example" in found.summary()
    # What most images have is how the set is.
    for file in (folder / "MONOCYTE").iterdir():
        file.unlink()
    for number, file in enumerate(folder.glob("*/*")):
        cv2.imwrite(str(file), np.full((40, 40, 3), number, np.uint8))
    assert problems_of(audit(folder, workers=2))["blank"] == [""]


def test_images_with_problems_are_shown_first():
    images = pd.DataFrame({"filename": range(1000), "seriousness": 0})
    images.loc[[3, 500, 999], "seriousness"] = [1, 2, 1]
    shown = choose_images(images, 20)["filename"].tolist()
    assert {3, 500, 999} <= set(shown)
    assert shown == sorted(shown)
    assert max(set(shown) - {999}) > 700
