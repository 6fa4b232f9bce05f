import zipfile

import numpy as np
import pytest

from pykeras_tl.training.checkpoints.serialization import read_arrays


def _header(shape, descr="<f4"):
    """A `.npy` file of a header alone."""
    text = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape}, }}"
    text = text.ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


def test_what_was_written_is_read(tmp_path):
    arrays = {"a": np.arange(6.0).reshape(2, 3), "b": np.array(7), "c": np.array(["x", "yz"])}
    np.savez(tmp_path / "good.npz", **arrays)
    found = read_arrays(tmp_path / "good.npz")
    assert all(np.array_equal(found[name], array) for name, array in arrays.items())
    assert found["a"].dtype == "float64"


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"a.npy": _header((1 << 40,))}, "claims shape"),
        ({"a.npy": _header((), "|O")}, "contains objects"),
        ({"a.npy": b"\x80\x04cos\nsystem\n(S'true'\ntR."}, "magic"),
        ({"a.npy": _header((2,)) + b"1234"}, "expected 8 bytes got 4"),
    ],
)
def test_hostile_arrays(tmp_path, members, message):
    with zipfile.ZipFile(tmp_path / "bad.npz", "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(ValueError, match=message):
        read_arrays(tmp_path / "bad.npz")


def test_a_bomb_is_refused(tmp_path):
    np.savez_compressed(tmp_path / "bomb.npz", zeros=np.zeros(1 << 20))
    with pytest.raises(ValueError, match="claims to contain 8,388,736 bytes, more than its size"):
        read_arrays(tmp_path / "bomb.npz")


def test_a_file_that_is_no_archive(tmp_path):
    (tmp_path / "bad.npz").write_bytes(b"no archive")
    with pytest.raises(ValueError, match=r"bad\.npz is damaged"):
        read_arrays(tmp_path / "bad.npz")
