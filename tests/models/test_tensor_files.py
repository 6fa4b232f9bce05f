"""Safetensors files, and folders that timm and KerasHub have written."""

import json
import struct
import sys

import numpy as np
import pytest

from pykeras_tl.models.weights.tensor_files import read_tensors


@pytest.fixture
def saved(tmp_path):
    safetensors = pytest.importorskip("safetensors.numpy")
    path = tmp_path / "model.safetensors"
    safetensors.save_file({"weight": np.arange(6, dtype="float32").reshape(2, 3)}, path)
    return path


def _write_config(folder, **config):
    (folder / "config.json").write_text(json.dumps(config))


def test_file_and_folder_are_read(saved):
    for path in (saved, saved.parent):
        assert read_tensors(path)["weight"].tolist() == [[0, 1, 2], [3, 4, 5]]
    _write_config(saved.parent, architecture="tf_efficientnet_lite1")
    assert list(read_tensors(saved, architecture="tf_efficientnet_lite")) == ["weight"]


def test_other_networks_are_refused(saved):
    # Its tensors have the same shapes, for another padding and scaling.
    _write_config(saved.parent, architecture="efficientnet_lite0")
    with pytest.raises(
        ValueError, match=r"timm's 'tf_eff.*\.\.\.'\. Received: 'efficientnet_lite0'"
    ):
        read_tensors(saved, architecture="tf_efficientnet_lite")
    _write_config(saved.parent, module="keras_hub.x", registered_name="keras_hub>EfficientNet")
    with pytest.raises(ValueError, match=r"describes a KerasHub preset, .* Load it with keras_hub"):
        read_tensors(saved.parent, architecture="tf_efficientnet_lite")
    (saved.parent / "config.json").write_text("[" * 100_000)
    with pytest.raises(ValueError, match=r"config\.json is not JSON"):
        read_tensors(saved, architecture="tf_efficientnet_lite")


def _with_header(header, data=b"\0" * 24):
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def _entry(**changes):
    return {"weight": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]} | changes}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not of the kind, whatever its name",
        struct.pack("<Q", 1 << 60) + b"{}",
        _with_header(_entry())[:-1],
        _with_header(_entry(shape=[1 << 40, 1 << 40])),
        _with_header(_entry(data_offsets=[8, 32])),
        _with_header(_entry(data_offsets=[24, 0])),
        _with_header(_entry(shape=[-2, -3])),
        _with_header(_entry(dtype="pickle")),
    ],
)
def test_damaged_and_hostile_files_are_refused_in_a_line(content, tmp_path):
    pytest.importorskip("safetensors")
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="cannot be read as a safetensors file") as error:
        read_tensors(path)
    assert "\n" not in str(error.value)


def test_missing_file_and_missing_library(saved, monkeypatch):
    with pytest.raises(FileNotFoundError, match=r"gone\.safetensors does not exist"):
        read_tensors(saved.with_name("gone.safetensors"))
    monkeypatch.setitem(sys.modules, "safetensors", None)
    with pytest.raises(ImportError, match=r'pip install "pykeras-tl\[weights\]"'):
        read_tensors(saved)
