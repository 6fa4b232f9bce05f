"""Reads damaged files, one after the other, and tells of each: `fuzzed.py KIND CASES SEED FOLDER`.

What is being read stands in FOLDER, so that it is there when the process dies of it. A line is
printed for each case: what became of it, and the memory that the process takes.
"""

from __future__ import annotations

import hashlib
import io
import json
import resource
import signal
import sys
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch_writer
from mutations import damage, damage_json

if TYPE_CHECKING:
    import keras

# What may be taken above what the process has when it begins.
_MEMORY = 3 << 30
# Seconds of processor time that a case may take; more ends the process.
_SECONDS = 20
_SMALL_PAGES = resource.getpagesize()

Case = Callable[[np.random.Generator], str]


def images(folder: Path) -> Case:
    """Read damaged image files; a reading gives pixels or names the file."""
    from pykeras_tl.images.decoding.reading import COLOR_MODES, BadImageError, read_image

    wholes = _whole_images()

    def case(random: np.random.Generator) -> str:
        kind, whole = wholes[int(random.integers(0, len(wholes)))]
        other = wholes[int(random.integers(0, len(wholes)))][1]
        file = folder / f"case.{kind}"
        file.write_bytes(damage(whole, random, other))
        mode = list(COLOR_MODES)[int(random.integers(0, 3))]
        size = (16, 20) if random.random() < 0.5 else None
        try:
            pixels = read_image(file, mode, size)
        except BadImageError as error:
            if str(file) not in str(error):
                raise
            return "refused"
        assert pixels.ndim == 3
        assert pixels.shape[2] == COLOR_MODES[mode]
        assert size is None or pixels.shape[:2] == size
        return "read"

    return case


def _whole_images() -> list[tuple[str, bytes]]:
    from PIL import Image

    random = np.random.default_rng(1)
    pixels = np.kron(random.integers(0, 256, (6, 8, 3)), np.ones((6, 6, 1))).astype("uint8")
    rgb = Image.fromarray(pixels)
    frames = [rgb.quantize(16), rgb.rotate(90, expand=False).quantize(16)]
    deep = Image.fromarray(random.integers(0, 65536, (20, 30)).astype("uint16"))
    made = []
    for image, kind, options in (
        (rgb, "jpeg", {}),
        (rgb, "jpeg", {"progressive": True, "quality": 40}),
        (rgb.convert("L"), "jpeg", {}),
        (rgb.convert("CMYK"), "jpeg", {}),
        (rgb, "png", {}),
        (rgb.convert("RGBA"), "png", {}),
        (frames[0], "png", {"transparency": 3}),
        (deep, "png", {}),
        (rgb, "bmp", {}),
        (rgb.convert("1"), "bmp", {}),
        (frames[0], "bmp", {}),
        (frames[0], "gif", {"save_all": True, "append_images": frames[1:]}),
        (frames[0], "gif", {"interlace": True}),
        (rgb, "tiff", {"compression": "tiff_lzw"}),
        (rgb, "ppm", {}),
        (rgb, "webp", {}),
    ):
        content = io.BytesIO()
        image.save(content, kind, **options)
        made.append((kind, content.getvalue()))
    return made


def classifiers(folder: Path) -> Case:
    """Load damaged classifiers and old model files; a loading succeeds or says why it does not."""
    import keras

    from pykeras_tl.models import Classifier, PreprocessConfig, load_classifier, load_model

    model = _model()
    settings = PreprocessConfig((8, 8), standardization={"rescale": 1 / 255})
    checkpoint = Classifier(model, ["cat", "dog"], settings).save(folder / "classifier")
    parts = {each.name: each.read_bytes() for each in checkpoint.iterdir()}
    for name in ("old.h5", "old.keras"):
        model.save(folder / name)
    olds = {name: (folder / name).read_bytes() for name in ("old.h5", "old.keras")}

    def damaged(name: str, content: bytes, random: np.random.Generator) -> bytes:
        if name.endswith(".json") and random.random() < 0.8:
            return damage_json(content.decode(), random).encode()
        if name.endswith(".keras") and random.random() < 0.6:
            return _damaged_archive(content, random)
        return damage(content, random, parts["model.weights.h5"])

    def case(random: np.random.Generator) -> str:
        files = parts if random.random() < 0.6 else olds
        name = list(files)[int(random.integers(0, len(files)))]
        try:
            if files is parts:
                for each, content in parts.items():
                    (checkpoint / each).write_bytes(content)
                (checkpoint / name).write_bytes(damaged(name, parts[name], random))
                load_classifier(checkpoint)
            else:
                (folder / name).write_bytes(damaged(name, olds[name], random))
                load_model(folder / name, compile=bool(random.random() < 0.5))
        except (ValueError, FileNotFoundError) as error:
            if str(folder) not in str(error):
                raise
            return "refused"
        finally:
            keras.backend.clear_session()
        return "read"

    return case


def checkpoints(folder: Path) -> Case:
    """Read damaged checkpoints whose checksums were made to fit."""
    from pykeras_tl.training.checkpoints.checkpoint_manager import (
        CheckpointManager,
        TrainingProgress,
    )

    run = CheckpointManager(folder / "run")
    arrays = {"model 0": np.ones((30, 4), "float32"), "order of flow": np.arange(50)}
    state = {"history": {"loss": [0.5, 0.25]}, "flows": {"flow": {"batch_index": 3}}}
    run.save(TrainingProgress(1), state, arrays)
    (checkpoint,) = (folder / "run" / "checkpoints").iterdir()
    files = {name: (checkpoint / name).read_bytes() for name in ("state.json", "arrays.npz")}

    def case(random: np.random.Generator) -> str:
        damaged = dict(files)
        name = list(files)[int(random.integers(0, 2))]
        if name == "state.json" and random.random() < 0.5:
            damaged[name] = damage_json(files[name].decode(), random).encode()
        else:
            damaged[name] = damage(files[name], random)
        lines = []
        for each, content in damaged.items():
            (checkpoint / each).write_bytes(content)
            lines.append(f"{hashlib.blake2b(content).hexdigest()}  {each}\n")
        (checkpoint / "checksums.txt").write_text("".join(lines))
        try:
            CheckpointManager(folder / "run").load()
        except ValueError as error:
            if str(folder) not in str(error):
                raise
            return "refused"
        return "read"

    return case


def tensors(folder: Path) -> Case:
    """Read damaged torch files."""
    from pykeras_tl.models.weights.torch_files import read_torch_file

    parts = {
        f"layer.{number}": torch_writer.tensor(
            torch_writer.storage(str(number), 600), number, (2, 3, 2), (1, 6, 2)
        )
        for number in range(6)
    }
    stored = b"".join(torch_writer.numbers(range(600)) for _ in parts)
    whole = torch_writer.whole_file(torch_writer.state(**parts), map(str, range(6)), stored)
    file = folder / "case.pth"

    def case(random: np.random.Generator) -> str:
        file.write_bytes(damage(whole, random))
        try:
            arrays = read_torch_file(file)
        except ValueError as error:
            if str(file) not in str(error):
                raise
            return "refused"
        # Reaches every number, so that one outside the file would end the process.
        assert sum(np.array(array).nbytes for array in arrays.values()) <= len(whole) * 100
        return "read"

    return case


def _model() -> keras.Model:
    import keras

    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Conv2D(2, 3, activation="relu", kernel_regularizer="l2"),
            keras.layers.BatchNormalization(),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(2, "softmax"),
        ]
    )
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model


def _damaged_archive(content: bytes, random: np.random.Generator) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as archive, zipfile.ZipFile(made, "w") as target:
        names = archive.namelist()
        chosen = names[int(random.integers(0, len(names)))]
        for name in names:
            part = archive.read(name)
            if name == chosen:
                if name.endswith(".json") and random.random() < 0.8:
                    part = damage_json(part.decode(), random).encode()
                else:
                    part = damage(part, random)
            target.writestr(name, part)
    return made.getvalue()


def memory() -> int:
    """Bytes that the process takes."""
    with Path("/proc/self/statm").open() as file:
        return int(file.read().split()[1]) * _SMALL_PAGES


def main() -> None:
    kind, cases, seed, folder = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])
    warnings.simplefilter("ignore")
    kinds = {
        "images": images,
        "classifiers": classifiers,
        "checkpoints": checkpoints,
        "tensors": tensors,
    }
    case = kinds[kind](folder)
    with Path("/proc/self/statm").open() as file:
        taken = int(file.read().split()[0]) * _SMALL_PAGES
    resource.setrlimit(resource.RLIMIT_AS, (taken + _MEMORY, taken + _MEMORY))
    for number in range(cases):
        signal.setitimer(signal.ITIMER_PROF, _SECONDS)
        outcome = case(np.random.default_rng([seed, number]))
        print(json.dumps({"case": number, "outcome": outcome, "memory": memory()}), flush=True)


if __name__ == "__main__":
    main()
