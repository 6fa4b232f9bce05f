"""Torch files are put together by hand here, so that they can hold what torch never writes."""

import pickle
import struct
from collections import OrderedDict

import numpy as np
import pytest

from pykeras_tl.models.weights.torch_files import read_torch_file

_MAGIC = pickle.dumps(0x1950A86A20F9469CFC6C, protocol=2)
_VERSION = pickle.dumps(1001, protocol=2)
_MACHINE = pickle.dumps({"protocol_version": 1001, "little_endian": True}, protocol=2)
_DICTIONARY = b"ccollections\nOrderedDict\n)R"


def _text(value):
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def _number(value):
    return pickle.dumps(value, protocol=2)[2:-1]


def _tuple(*parts):
    return b"(" + b"".join(parts) + b"t"


def _storage(key="0", length=6, kind="FloatStorage"):
    described = _text("storage"), f"ctorch\n{kind}\n".encode(), _text(key), _text("cpu")
    return _tuple(*described, _number(length), b"N") + b"Q"


def _tensor(storage=None, offset=0, shape=(2, 3), strides=(3, 1)):
    sizes = (_tuple(*map(_number, each)) for each in (shape, strides))
    arguments = storage or _storage(), _number(offset), *sizes, b"\x89", _DICTIONARY
    return b"ctorch._utils\n_rebuild_tensor_v2\n" + _tuple(*arguments) + b"R"


def _state(**tensors):
    entries = b"".join(_text(name) + tensor for name, tensor in tensors.items())
    return b"\x80\x02" + _DICTIONARY + b"(" + entries + b"u."


def _raw(values, type_="<f4"):
    return struct.pack("<q", len(values)) + np.array(values, type_).tobytes()


def _whole(state, keys=("0",), raw=None):
    keys = pickle.dumps(list(keys), protocol=2)
    return _MAGIC + _VERSION + _MACHINE + state + keys + (_raw(range(6)) if raw is None else raw)


@pytest.fixture
def read(tmp_path):
    def read_bytes(content):
        path = tmp_path / "weights.pth"
        path.write_bytes(content)
        return read_torch_file(path)

    return read_bytes


def test_strides_and_offsets_are_honoured(read):
    state = _state(
        plain=_tensor(),
        transposed=_tensor(shape=(3, 2), strides=(1, 3)),
        part=_tensor(offset=4, shape=(2,), strides=(1,)),
        scalar=_tensor(offset=5, shape=(), strides=()),
        empty=_tensor(shape=(0, 3), strides=(3, 1)),
        count=_tensor(_storage("1", 1, "LongStorage"), shape=(), strides=()),
    )
    tensors = read(_whole(state, ("1", "0"), _raw([7], "<i8") + _raw(range(6))))
    assert {name: tensor.tolist() for name, tensor in tensors.items()} == {
        "plain": [[0, 1, 2], [3, 4, 5]],
        "transposed": [[0, 3], [1, 4], [2, 5]],
        "part": [4, 5],
        "scalar": 5,
        "empty": [],
        "count": 7,
    }
    assert tensors["plain"].dtype == np.float32
    assert tensors["count"].dtype == np.int64


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"gone\.pth does not exist"):
        read_torch_file(tmp_path / "gone.pth")


def test_every_truncation_is_refused(read):
    whole = _whole(_state(weight=_tensor()))
    for length in range(len(whole)):
        with pytest.raises(ValueError, match="cannot be read as a torch file"):
            read(whole[:length])


class _Command:
    def __reduce__(self):
        return print, ("This must not be printed.",)


_OTHER_GLOBAL = b"\x80\x02cbuiltins\neval\n" + _tuple(_text("1/0")) + b"R."
_FROM_STACK = b"\x80\x04" + _text("os") + _text("system") + b"\x93" + _tuple(_text("id")) + b"R."


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (_OTHER_GLOBAL, "it asks for 'builtins.eval', which is not allowed"),
        (pickle.dumps(_Command(), protocol=2), "it asks for '__builtin__.print'"),
        (pickle.dumps(_Command(), protocol=4), "FRAME, which is not allowed"),
        (_MAGIC + _VERSION + _MACHINE + _OTHER_GLOBAL, "it asks for 'builtins.eval'"),
        (_MAGIC + _VERSION + _MACHINE + _FROM_STACK, "STACK_GLOBAL, which is not allowed"),
        (_whole(_state(weight=_OTHER_GLOBAL[2:-1])), "it asks for 'builtins.eval'"),
        (_whole(_state(weight=_tensor(_storage(kind="ByteStorage")))), "'torch.ByteStorage'"),
        # What BUILD and REDUCE could change or call in Python's own unpickler.
        (_whole(b"\x80\x02ccollections\nOrderedDict\n}b."), "it changes what is no dict"),
        (_whole(b"\x80\x02ctorch\nFloatStorage\n)R."), "something other than tensors"),
        (_whole(b"\x80\x02" + _tensor() + b"."), "it holds no state dictionary"),
        (_whole(_state(weight=_text("tensor"))), "'weight' is not a tensor"),
        (_whole(b"\x80\x02" + _DICTIONARY + _tuple() + _number(1) + b"s."), "without a name"),
        (_whole(_state(weight=_tensor(offset=1))), "lies outside its storage"),
        (_whole(_state(weight=_tensor(strides=(3, 2)))), "lies outside its storage"),
        (_whole(_state(weight=_tensor(offset=-1))), "describes a tensor in an unknown way"),
        (_whole(_state(weight=_tensor(strides=(3, -1)))), "describes a tensor in an unknown way"),
        (_whole(_state(weight=_tensor(strides=(1,)))), "describes a tensor in an unknown way"),
        (_whole(_state(weight=_tensor(shape=(1,) * 9, strides=(1,) * 9))), "in an unknown way"),
        # A stride of zero would make one number into any size.
        (_whole(_state(weight=_tensor(shape=(1 << 39,), strides=(0,)))), "outside its storage"),
        (_whole(_state(weight=_tensor(shape=(0, 1 << 70), strides=(1, 1)))), "in an unknown way"),
        (_whole(_state(weight=_tensor(_storage(length=1 << 30)))), "6 numbers in place of"),
        (_whole(_state(w=_tensor()), raw=struct.pack("<q", 6)), "it is truncated"),
        (
            _whole(_state(w=_tensor(_storage(length=1 << 38))), raw=struct.pack("<q", 1 << 38)),
            "trun",
        ),
        (_whole(_state(w=_tensor()), keys=("1",)), "does not fit its tensors"),
        (_whole(_state(w=_tensor()), keys=("0", "0")), "does not fit its tensors"),
        (_whole(_state(w=_tensor()), keys=(0,)), "no list of storages"),
        (
            _whole(_state(a=_tensor(), b=_tensor(_storage(kind="LongStorage")))),
            "'0' is described in two ways",
        ),
        (_MAGIC + pickle.dumps(1002, protocol=2), "it does not begin as one"),
        (
            _MAGIC + _VERSION + pickle.dumps({"little_endian": False}, protocol=2),
            "little-endian",
        ),
        # Lengths that the file does not have, marks and entries that are not there, deep nesting.
        (_MAGIC + _VERSION + b"\x80\x02X\xff\xff\xff\x7fabc", "it is damaged"),
        (_MAGIC + _VERSION + b"\x80\x02\x8d" + b"\xff" * 7 + b"\x00abc", "it is damaged"),
        (_MAGIC + _VERSION + b"\x80\x02j\xff\xff\xff\xff.", "it is damaged"),
        (_MAGIC + _VERSION + b"\x80\x02t.", "it is damaged"),
        (_MAGIC + _VERSION + b"\x80\x02(N\x85R.", "it takes what is not there"),
        (_MAGIC + _VERSION + b"\x80\x02)" + b"\x85" * 100_000 + b".", "little-endian"),
        (_MAGIC + _VERSION + b"\x80\x02N" + b"0" * 2_000_000 + b".", "POP, which is not allowed"),
        (b"", "it is damaged"),
    ],
)
def test_hostile_files_are_refused_in_a_line(read, capfd, content, reason):
    with pytest.raises(ValueError, match="cannot be read as a torch file") as error:
        read(content)
    message = str(error.value)
    assert reason in message
    assert "\n" not in message
    assert len(message) < 400
    assert "must not be printed" not in capfd.readouterr().out


def test_metadata_of_a_state_dictionary_are_passed_over(read):
    state = _state(weight=_tensor())[:-1] + b"}" + _text("_metadata") + _DICTIONARY + b"sb."
    assert read(_whole(state))["weight"].shape == (2, 3)


def test_files_of_the_newer_kind_say_what_to_do(read):
    with pytest.raises(ValueError, match=r"newer kind, which is not read\. Save .*safetensors"):
        read(b"PK\x03\x04 and so on")


def test_torch_reads_the_same(tmp_path):
    torch = pytest.importorskip("torch")
    random = torch.Generator().manual_seed(1)
    kernel = torch.randn(4, 3, 2, 2, generator=random)
    state = OrderedDict(
        kernel=kernel.to(memory_format=torch.channels_last),
        transposed=kernel[:, 0, 0].T,
        part=kernel[1:3, :, 1],
        shared=kernel.reshape(-1)[5:],
        count=torch.tensor(7),
    )
    path = tmp_path / "state.pth"
    torch.save(state, path, _use_new_zipfile_serialization=False)
    ours, theirs = read_torch_file(path), torch.load(path, weights_only=True)
    assert list(ours) == list(theirs)
    for name, tensor in theirs.items():
        assert np.array_equal(ours[name], tensor.numpy())
