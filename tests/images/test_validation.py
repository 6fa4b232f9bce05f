import io

import numpy as np
import pytest
from PIL import Image

from pykeras_tl.images import BadImageError, ImageDataGenerator, check_files
from pykeras_tl.images.decoding.reading import check_image, read_image


@pytest.fixture
def spoilt(two_classes, tmp_path):
    """A folder of two classes in which some files are bad, and the good files' names."""
    root = tmp_path / "spoilt"
    good = []
    for name in ("cat", "dog"):
        (root / name).mkdir(parents=True)
        for number in range(5):
            file = root / name / f"{number}.png"
            Image.fromarray(np.full((9, 9, 3), number * 20, np.uint8)).save(file)
            good.append(f"{name}/{number}.png")
    jpeg = (two_classes / "cat" / "rgb.jpg").read_bytes()
    (root / "cat" / "cut.jpg").write_bytes(jpeg[:-200])
    (root / "cat" / "empty.jpg").touch()
    (root / "dog" / "text.png").write_text("Sorry, the image is in my other trousers.")
    return root, good


def flow_over(root, **how):
    how = {"target_size": (8, 8), "batch_size": 4, "seed": 1, **how}
    return ImageDataGenerator().flow_from_directory(root, **how)


def test_all_bad_files_are_found_before_training(spoilt):
    root, _ = spoilt
    with pytest.raises(BadImageError) as caught:
        flow_over(root, check="all")
    message = str(caught.value)
    assert "3 of 13 image files" in message
    for name in ("cut.jpg cannot be decoded: image file is truncated", "empty.jpg is empty",
                 "text.png is not a readable image"):  # fmt: skip
        assert name in message


def test_otherwise_they_are_found_when_they_are_read(spoilt):
    root, _ = spoilt
    for workers in (1, 3):
        flow = flow_over(root, workers=workers)
        plans = [flow.next_batch_spec() for _ in range(4)]
        with pytest.raises(BadImageError, match=r"cut\.jpg|empty\.jpg|text\.png"):
            list(map(flow.compute_batch, plans))


@pytest.mark.parametrize("workers", [1, 3])
def test_skipped_they_are_listed_and_batches_keep_their_size(spoilt, workers):
    root, good = spoilt
    flow = flow_over(root, on_bad="skip", workers=workers)
    assert flow.filenames == good
    assert flow.samples == flow.n == 10
    assert list(flow.classes) == [0] * 5 + [1] * 5
    assert list(flow.bad_files.columns) == ["filename", "reason"]
    assert [name.rsplit("/", 1)[1] for name in flow.bad_files["filename"]] == [
        "cut.jpg", "empty.jpg", "text.png",
    ]  # fmt: skip
    assert [len(next(flow)[0]) for _ in range(6)] == [4, 4, 2] * 2


def test_tables_too(spoilt):
    from pykeras_tl.images import list_images

    root, good = spoilt
    table = list_images(root).assign(weight=np.arange(13.0))
    flow = ImageDataGenerator().flow_from_dataframe(
        table, target_size=(8, 8), weight_col="weight", on_bad="skip"
    )
    assert flow.filenames == [str(root / name) for name in good]
    assert len(flow.bad_files) == 3
    assert len(flow.sample_weight) == len(flow.classes) == 10


def test_clean_files_pass(two_classes):
    assert flow_over(two_classes, check="all").bad_files.empty


def test_only_bad_files_are_an_error(tmp_path):
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "1.png").touch()
    with pytest.raises(ValueError, match=r"None of the .* can be read"):
        flow_over(tmp_path, on_bad="skip")


def test_another_kind_than_the_name_says_is_only_warned_of(tmp_path):
    (tmp_path / "cat").mkdir()
    Image.new("RGB", (9, 9)).save(tmp_path / "cat" / "1.png", "JPEG")
    with pytest.warns(UserWarning, match=r"another format.*1\.png \(JPEG\)"):
        flow = flow_over(tmp_path, check="all")
    assert next(flow)[0].shape == (1, 8, 8, 3)


def test_many_bad_files_are_counted_and_not_all_named(tmp_path):
    paths = []
    for number in range(30):
        (tmp_path / f"{number}.png").touch()
        paths.append(str(tmp_path / f"{number}.png"))
    paths.append(str(tmp_path / "none.png"))
    with pytest.raises(BadImageError, match=r"31 of 31 image files.*and 11 more"):
        check_files(paths)
    found = check_files(paths, raise_error=False)
    assert list(found) == paths
    assert "No such file" in found[paths[-1]]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP"])
def test_the_quick_check_agrees_with_reading(tmp_path, kind):
    random = np.random.default_rng(4)
    content = io.BytesIO()
    Image.fromarray(random.integers(0, 256, (40, 50, 3), "uint8")).save(content, kind)
    data = bytearray(content.getvalue())
    path = tmp_path / "image"
    for number in range(60):
        changed = bytearray(data)
        if number % 3 == 0:
            changed = changed[: random.integers(len(data))]
        elif number % 3 == 1:
            for place in random.integers(0, len(data), 4):
                changed[place] = random.integers(256)
        else:
            changed[random.integers(len(data))] ^= 1 << random.integers(8)
        path.write_bytes(bytes(changed))
        failures = []
        for function in (read_image, check_image):
            try:
                function(path)
            except BadImageError as error:
                failures.append(error.reason)
            else:
                failures.append(None)
        assert failures[0] == failures[1]
