import os

import h5py
import keras
import numpy as np
import pytest

from pykeras_tl.models.saving.weight_files import (
    check_weights_file,
    load_weights,
    load_weights_by_name,
)


@pytest.fixture
def model():
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="d")])


@pytest.fixture
def weights(model, tmp_path):
    path = tmp_path / "good.weights.h5"
    model.save_weights(path)
    return path


def test_good_file_is_taken(model, weights):
    before = model.get_weights()
    model.set_weights([np.zeros_like(weight) for weight in before])
    load_weights(model, weights)
    assert np.array_equal(model.get_weights()[0], before[0])
    assert sorted(check_weights_file(weights)) == [(3,), (4, 3)]


@pytest.mark.parametrize("keep", [0.0, 0.01, 0.5, 0.95])
def test_cut_off_file(model, weights, keep):
    os.truncate(weights, int(weights.stat().st_size * keep))
    with pytest.raises(ValueError, match="not a complete HDF5 file"):
        load_weights(model, weights)


def test_file_of_another_kind(model, tmp_path):
    path = tmp_path / "weights.h5"
    path.write_bytes(b"\x80\x04\x95 a pickle, say" * 50)
    with pytest.raises(ValueError, match="not a complete HDF5 file"):
        load_weights(model, path)
    with pytest.raises(ValueError, match=r"ends in \.weights\.h5 or \.h5"):
        load_weights(model, path.rename(tmp_path / "weights.pkl"))


def _outside_link(file):
    file["elsewhere"] = h5py.ExternalLink("/etc/passwd", "/")


def _soft_link(file):
    file["again"] = h5py.SoftLink("/")


def _endless_group(file):
    file["loop"] = file["/"]
    file["other"] = file["/"]


def _outside_numbers(file):
    file.create_dataset("raw", (4,), "u1", external=[("/etc/hostname", 0, 4)])


def _virtual(file):
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource("other.h5", "x", (4,))
    file.create_virtual_dataset("virtual", layout)


def _objects(file):
    file.create_dataset("text", (2,), h5py.string_dtype())


def _bomb(file):
    file.create_dataset("big", (1 << 40,), "f4", chunks=True)


@pytest.mark.parametrize(
    ("poison", "message"),
    [
        (_outside_link, "is a link"),
        (_soft_link, "is a link"),
        (_endless_group, "too many objects"),
        (_outside_numbers, "from another file"),
        (_virtual, "from another file"),
        (_objects, "not an array of numbers"),
        (_bomb, "claims to hold 4,398,046,5"),
    ],
)
def test_hostile_file(model, weights, poison, message):
    with h5py.File(weights, "a") as file:
        poison(file)
    before = model.get_weights()
    with pytest.raises(ValueError, match=message):
        load_weights(model, weights)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def _network(name, units):
    inner = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)], name="inner")
    layers = [inner, keras.layers.Reshape((1, 2)), keras.layers.LSTM(2, name="memory")]
    top = keras.layers.Dense(units, name=name)
    return keras.Sequential([*layers, top])


@pytest.mark.parametrize("file", ["all.weights.h5", "old.h5"])
def test_by_name(tmp_path, file):
    source, same, other = _network("top", 3), _network("top", 3), _network("new", 5)
    if file == "old.h5":
        source.save(tmp_path / file)
    else:
        source.save_weights(tmp_path / file)
    top = other.get_weights()[-2]
    load_weights_by_name(same, tmp_path / file)
    load_weights_by_name(other, tmp_path / file)
    pairs = [(source, same, None), (source, other, -2)]
    for one, two, count in pairs:
        weights = zip(one.get_weights()[:count], two.get_weights()[:count], strict=True)
        assert all(np.array_equal(a, b) for a, b in weights)
    assert np.array_equal(other.get_weights()[-2], top)
    load_weights_by_name(_network("top", 5), tmp_path / file, skip_mismatch=True)


def test_by_name_with_other_shapes(tmp_path):
    _network("top", 3).save_weights(tmp_path / "all.weights.h5")
    with pytest.raises(ValueError, match=r"'top'.*Received: \[\(2, 3\), \(3,\)\]"):
        load_weights_by_name(_network("top", 5), tmp_path / "all.weights.h5")
