"""The description that PyPI shows is the README, with links that work there."""

import re
import runpy
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]


def test_links_of_the_description_are_absolute_and_exist(monkeypatch):
    setuptools = pytest.importorskip("setuptools")
    made = {}
    monkeypatch.setattr(setuptools, "setup", made.update)
    runpy.run_path(str(_ROOT / "setup.py"))
    text = made["long_description"]
    links = re.findall(r"(!?)\[[^]]*\]\(([^)]+)\)", text)
    assert len(links) > 10
    for image, link in links:
        assert link.startswith("https://"), link
        site = "raw.githubusercontent.com" if image else "github.com"
        _, ours, path = link.rpartition("/main/")
        if ours:
            assert link.split("/")[2] == site
            assert (_ROOT / path.split("#")[0]).exists(), link
    assert "](docs/images/why.png)" in (_ROOT / "README.md").read_text("utf-8")
