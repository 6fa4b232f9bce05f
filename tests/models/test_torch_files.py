"""Reading torch files without torch, those that torch never writes too."""

import pickle
import struct
from collections import OrderedDict

import numpy as np
import pytest
from fuzz.torch_writer import (
    DICTIONARY,
    HEAD,
    group,
    number,
    numbers,
    state,
    storage,
    tensor,
    text,
    whole_file,
)

from pykeras_tl.models.weights.torch_files import read_torch_file


@pytest.fixture
def read(tmp_path):
    def read_bytes(content):
        path = tmp_path / "weights.pth"
        path.write_bytes(content)
        return read_torch_file(path)

    return read_bytes


def test_strides_and_offsets_are_honoured(read):
    pickled = state(
        plain=tensor(),
        transposed=tensor(shape=(3, 2), strides=(1, 3)),
        part=tensor(offset=4, shape=(2,), strides=(1,)),
        scalar=tensor(offset=5, shape=(), strides=()),
        empty=tensor(shape=(0, 3), strides=(3, 1)),
        count=tensor(storage("1", 1, "LongStorage"), shape=(), strides=()),
    )
    tensors = read(whole_file(pickled, ("1", "0"), numbers([7], "<i8") + numbers(range(6))))
    assert {name: array.tolist() for name, array in tensors.items()} == {
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
    whole = whole_file(state(weight=tensor()))
    for length in range(len(whole)):
        with pytest.raises(ValueError, match="cannot be read as a torch file"):
            read(whole[:length])


_MAGIC, _VERSION = (pickle.dumps(each, protocol=2) for each in (0x1950A86A20F9469CFC6C, 1001))


class _Command:
    def __reduce__(self):
        return print, ("This must not be printed.",)


_OTHER_GLOBAL = b"\x80\x02cbuiltins\neval\n" + group(text("1/0")) + b"R."
_FROM_STACK = b"\x80\x04" + text("os") + text("system") + b"\x93" + group(text("id")) + b"R."


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (_OTHER_GLOBAL, "it asks for 'builtins.eval', which is not allowed"),
        (pickle.dumps(_Command(), protocol=2), "it asks for '__builtin__.print'"),
        (pickle.dumps(_Command(), protocol=4), "FRAME, which is not allowed"),
        (HEAD + _OTHER_GLOBAL, "it asks for 'builtins.eval'"),
        (HEAD + _FROM_STACK, "STACK_GLOBAL, which is not allowed"),
        (whole_file(state(weight=_OTHER_GLOBAL[2:-1])), "it asks for 'builtins.eval'"),
        (whole_file(state(weight=tensor(storage(kind="ByteStorage")))), "'torch.ByteStorage'"),
        # What BUILD and REDUCE could change or call in Python's own unpickler.
        (whole_file(b"\x80\x02ccollections\nOrderedDict\n}b."), "it changes what is no dict"),
        (whole_file(b"\x80\x02ctorch\nFloatStorage\n)R."), "something other than tensors"),
        (whole_file(b"\x80\x02" + tensor() + b"."), "it holds no state dictionary"),
        (whole_file(state(weight=text("tensor"))), "'weight' is not a tensor"),
        (whole_file(b"\x80\x02" + DICTIONARY + group() + number(1) + b"s."), "without a name"),
        (whole_file(state(weight=tensor(offset=1))), "lies outside its storage"),
        (whole_file(state(weight=tensor(strides=(3, 2)))), "lies outside its storage"),
        (whole_file(state(weight=tensor(offset=-1))), "describes a tensor in an unknown way"),
        (whole_file(state(weight=tensor(strides=(3, -1)))), "describes a tensor in an unknown way"),
        (whole_file(state(weight=tensor(strides=(1,)))), "describes a tensor in an unknown way"),
        (whole_file(state(weight=tensor(shape=(1,) * 9, strides=(1,) * 9))), "in an unknown way"),
        # A stride of zero would make one number into any size.
        (whole_file(state(weight=tensor(shape=(1 << 39,), strides=(0,)))), "outside its storage"),
        (whole_file(state(weight=tensor(shape=(0, 1 << 70), strides=(1, 1)))), "in an unknown way"),
        (whole_file(state(weight=tensor(storage(length=1 << 30)))), "6 numbers in place of"),
        (whole_file(state(w=tensor()), content=struct.pack("<q", 6)), "it is truncated"),
        (
            whole_file(
                state(w=tensor(storage(length=1 << 38))), content=struct.pack("<q", 1 << 38)
            ),
            "trun",
        ),
        (whole_file(state(w=tensor()), keys=("1",)), "does not fit its tensors"),
        (whole_file(state(w=tensor()), keys=("0", "0")), "does not fit its tensors"),
        (whole_file(state(w=tensor()), keys=(0,)), "no list of storages"),
        (
            whole_file(state(a=tensor(), b=tensor(storage(kind="LongStorage")))),
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
    pickled = state(weight=tensor())[:-1] + b"}" + text("_metadata") + DICTIONARY + b"sb."
    assert read(whole_file(pickled))["weight"].shape == (2, 3)


def test_files_of_the_newer_kind_say_what_to_do(read):
    with pytest.raises(ValueError, match=r"newer kind, which is not read\. Save .*safetensors"):
        read(b"PK\x03\x04 and so on")


def test_torch_reads_the_same(tmp_path):
    torch = pytest.importorskip("torch")
    random = torch.Generator().manual_seed(1)
    kernel = torch.randn(4, 3, 2, 2, generator=random)
    saved = OrderedDict(
        kernel=kernel.to(memory_format=torch.channels_last),
        transposed=kernel[:, 0, 0].T,
        part=kernel[1:3, :, 1],
        shared=kernel.reshape(-1)[5:],
        count=torch.tensor(7),
    )
    path = tmp_path / "state.pth"
    torch.save(saved, path, _use_new_zipfile_serialization=False)
    ours, theirs = read_torch_file(path), torch.load(path, weights_only=True)
    assert list(ours) == list(theirs)
    for name, array in theirs.items():
        assert np.array_equal(ours[name], array.numpy())
