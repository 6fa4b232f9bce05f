"""`import pykeras_tl` is light: it loads none of the heavy packages."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import pykeras_tl

_ROOT = Path(__file__).resolve().parents[1]
_HEAVY = ("tensorflow", "keras", "numpy", "pandas", "cv2", "matplotlib", "sklearn")


def _loaded_after(statement: str) -> list[str]:
    code = f"import sys; {statement}; print(*[m for m in {_HEAVY} if m in sys.modules])"
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    return output.split()


def test_the_version_is_the_same_everywhere() -> None:
    description = (_ROOT / "r" / "DESCRIPTION").read_text("utf-8")
    citation = (_ROOT / "CITATION.cff").read_text("utf-8")
    news = (_ROOT / "r" / "NEWS.md").read_text("utf-8")
    changes = (_ROOT / "CHANGELOG.md").read_text("utf-8")
    version = pykeras_tl.__version__
    assert re.findall(r"(?m)^Version: (.*)$", description) == [version]
    assert re.findall(r"(?m)^version: (.*)$", citation) == [version]
    assert re.findall(r"(?m)^# kerastl (\S+)", news)[0] == version
    assert re.findall(r"(?m)^## (\S+)", changes)[0] == version


def test_import_loads_nothing_heavy() -> None:
    assert _loaded_after("import pykeras_tl") == []


def test_listing_the_public_names_loads_nothing_heavy() -> None:
    assert _loaded_after("import pykeras_tl; dir(pykeras_tl); dir(pykeras_tl.images)") == []


def test_the_command_shows_its_help_without_keras() -> None:
    assert "keras" not in _loaded_after("import pykeras_tl.cli")


@pytest.mark.slow
def test_every_public_name_can_be_had() -> None:
    code = (
        "import pykeras_tl as p\n"
        "for place in (p, p.images, p.models, p.training, p.evaluation, p.explanation,\n"
        "              p.ensembles, p.studies, p.deployment):\n"
        "    for name in dir(place):\n"
        "        getattr(place, name)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_old_names_work_and_warn_once() -> None:
    code = (
        "import warnings\n"
        "warnings.simplefilter('always')\n"
        "with warnings.catch_warnings(record=True) as caught:\n"
        "    from pykeras_tl import draw_blood_cells\n"
        "    from pykeras_tl.models import hybrids\n"
        "    from pykeras_tl.models import hybrids\n"
        "    from pykeras_tl.models.classifier import Classifier\n"
        "    from pykeras_tl.studies.drawn import draw_class_folders\n"
        "for each in caught:\n"
        "    if each.category is FutureWarning:\n"
        "        print(each.message)\n"
        "import pykeras_tl\n"
        "assert draw_blood_cells is pykeras_tl.generate_blood_cells\n"
        "assert Classifier is pykeras_tl.Classifier\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "pykeras_tl.draw_blood_cells is now pykeras_tl.generate_blood_cells.",
        "pykeras_tl.models.hybrids is now pykeras_tl.models.cnn_svr.",
        "pykeras_tl.models.classifier.Classifier is now pykeras_tl.models.Classifier.",
        "pykeras_tl.studies.drawn.draw_class_folders is now "
        "pykeras_tl.studies.catalog.synthetic_images.generate_class_folders.",
    ]


def test_an_unknown_name_is_an_attribute_error() -> None:
    import pykeras_tl.models.classifier

    with pytest.raises(AttributeError, match="nothing"):
        _ = pykeras_tl.models.classifier.nothing
