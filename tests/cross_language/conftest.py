"""Fixtures that run R code in this process, with access to Python objects."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pykeras_tl.images.progress import report_progress_to

_REPOSITORY = Path(__file__).resolve().parents[2]
_EXCHANGE = "kerastl_exchange"


def _environment() -> dict[str, str]:
    """Return the environment variables that make R use this Python and its own library."""
    library = os.environ.get("R_LIBS", str(_REPOSITORY / ".venv" / "r-library"))
    return {**os.environ, "R_LIBS": library, "RETICULATE_PYTHON": sys.executable}


def _missing_requirement() -> str | None:
    """Return why R cannot be used here, or None."""
    if shutil.which("Rscript") is None:
        return "R is not installed; tools/setup_r.sh installs it on Debian"
    # In a child process, since a failed start of R cannot be repeated.
    probe = "import rpy2.robjects as ro; ro.r('library(kerastl)')"
    child = subprocess.run(
        [sys.executable, "-c", probe], env=_environment(), capture_output=True, text=True
    )
    if child.returncode == 0:
        return None
    return f"R cannot be started with kerastl: {child.stderr.strip().splitlines()[-1]}"


class R:
    """Runs R code in this process; reticulate converts objects in both directions."""

    def __init__(self) -> None:
        os.environ.update(_environment())
        libraries = os.environ.get("LD_LIBRARY_PATH")
        import rpy2.robjects as robjects

        # R adds its own and the system's libraries, with which a child that another test starts
        # would load a second libpython.
        os.environ.pop("LD_LIBRARY_PATH", None)
        if libraries is not None:
            os.environ["LD_LIBRARY_PATH"] = libraries
        self._evaluate = robjects.r
        self._exchange = types.ModuleType(_EXCHANGE)
        sys.modules[_EXCHANGE] = self._exchange
        self._evaluate("suppressPackageStartupMessages(library(kerastl))")
        self._evaluate(f'py <- reticulate::import("{_EXCHANGE}")')
        self._evaluate("options(keras.fit_verbose = 0)")

    def __call__(self, code: str, **objects: Any) -> Any:
        """Run `code`, which finds `objects` as `py$name`, and return its value."""
        for name, value in objects.items():
            setattr(self._exchange, name, value)
        self._evaluate(f"py$value <- local({{\n{code}\n}})")
        return self._exchange.value  # type: ignore[attr-defined]

    def error(self, code: str, **objects: Any) -> str:
        """Run `code`, which must fail, and return the error's classes and message."""
        handler = "function(e) paste(c(class(e), conditionMessage(e)), collapse = '\\n')"
        failed = f"tryCatch({{\n{code}\nNULL\n}}, error = {handler})"
        message = self(failed, **objects)
        assert message is not None, "R raised no error"
        return str(message)


@pytest.fixture(scope="session")
def _r_session() -> R:
    missing = _missing_requirement()
    if missing:
        pytest.skip(missing)
    return R()


@pytest.fixture
def r(_r_session: R, tmp_path: Path) -> Iterator[R]:
    """R with a disk cache of its own for each test."""
    _r_session("Sys.setenv(PYKERAS_TL_CACHE = py$cache)", cache=str(tmp_path / "cache"))
    yield _r_session
    # The tests that come later in this process look for Python's own bar.
    report_progress_to(None)


@pytest.fixture
def rscript(_r_session: R, tmp_path: Path) -> Any:
    """A function that runs code in an Rscript process, where Python has not been started."""

    def run(code: str) -> str:
        script = tmp_path / "script.R"
        script.write_text(f"library(kerastl)\noptions(keras.fit_verbose = 0)\n{code}\n")
        child = subprocess.run(
            ["Rscript", "--vanilla", str(script)],
            env=_environment(),
            capture_output=True,
            text=True,
        )
        assert child.returncode == 0, child.stderr[-3000:]
        return child.stdout

    return run


@pytest.fixture
def start_rscript(_r_session: R, tmp_path: Path) -> Any:
    """A function that starts a script with arguments in an Rscript process without waiting."""

    def start(*arguments: Any) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            ["Rscript", "--vanilla", *map(str, arguments)],
            env={**_environment(), "PYKERAS_TL_CACHE": str(tmp_path / "cache")},
        )

    return start


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A folder with two classes of eight small images each."""
    folder = tmp_path / "images"
    random = np.random.RandomState(0)
    for name, brightness in (("cat", 90), ("dog", 160)):
        (folder / name).mkdir(parents=True)
        for number in range(8):
            pixels = random.randint(brightness - 80, brightness + 80, (24, 20, 3))
            Image.fromarray(pixels.astype("uint8")).save(folder / name / f"{number}.png")
    return folder
