"""Made-up training sessions end as Keras's own `fit` ends them.

PYKERAS_TL_FUZZ=2000 tries that many sessions, PYKERAS_TL_FUZZ_SEED others.
"""

from __future__ import annotations

import os
import shutil
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path

import keras
import pytest

if keras.backend.backend() != "tensorflow":
    pytest.skip("Keras's own fit is compared with on TensorFlow", allow_module_level=True)

import tensorflow as tf
from fuzz.sessions import Session, compare, make_session, write_images

_SHORT = 5


@pytest.fixture
def _eager_steps() -> Iterator[None]:
    """Restore TensorFlow's way of running functions."""
    yield
    tf.config.run_functions_eagerly(False)


@pytest.mark.usefixtures("_eager_steps")
def test_made_up_sessions_are_what_keras_makes_of_them(tmp_path: Path) -> None:
    asked = os.environ.get("PYKERAS_TL_FUZZ")
    sessions = int(asked) if asked else _SHORT
    seed = int(os.environ.get("PYKERAS_TL_FUZZ_SEED", "0"))
    write_images(tmp_path / "images")
    different: dict[Session, list[str]] = {}
    for number in range(seed, seed + sessions):
        session = make_session(number)
        found = _compare(session, tmp_path)
        if found:
            different[session] = found
            print(f"{session}: {found}", flush=True)
        if (number - seed) % 50 == 49:
            print(f"{number - seed + 1} sessions, {len(different)} different", flush=True)
    assert not different


def _compare(session: Session, folder: Path) -> list[str]:
    # Compiling takes longer than these sessions train, so that most of them run eagerly.
    tf.config.run_functions_eagerly(not session.graph)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return compare(session, folder / "session", folder / "images")
    except Exception:
        return [traceback.format_exc()]
    finally:
        shutil.rmtree(folder / "session", ignore_errors=True)
