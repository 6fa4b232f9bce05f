"""`import pykeras_tl` is light: it loads none of the heavy packages."""

from __future__ import annotations

import subprocess
import sys

_HEAVY = ("tensorflow", "keras", "numpy", "pandas", "cv2", "matplotlib", "sklearn")


def _loaded_after(statement: str) -> list[str]:
    code = f"import sys; {statement}; print(*[m for m in {_HEAVY} if m in sys.modules])"
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    return output.split()


def test_import_loads_nothing_heavy() -> None:
    assert _loaded_after("import pykeras_tl") == []


def test_listing_the_public_names_loads_nothing_heavy() -> None:
    assert _loaded_after("import pykeras_tl; dir(pykeras_tl); dir(pykeras_tl.images)") == []


def test_the_command_shows_its_help_without_keras() -> None:
    assert "keras" not in _loaded_after("import pykeras_tl.cli")


def test_every_public_name_can_be_had() -> None:
    code = (
        "import pykeras_tl as p\n"
        "for place in (p, p.images, p.models, p.training, p.evaluation, p.ensembles, p.studies):\n"
        "    for name in dir(place):\n"
        "        getattr(place, name)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
