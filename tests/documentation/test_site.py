"""The documentation site is complete, its links lead somewhere, and it needs no network."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest
from code_blocks import ROOT

sys.path.insert(0, str(ROOT / "tools" / "docs"))

from public_names import packages, public_names

pytestmark = pytest.mark.slow
# Scripts of the theme that it loads only for what no page has.
_LOADED_BY_NO_PAGE = ("mermaid", "resize-observer-polyfill")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as `make docs` builds it, with R's pages if they are there."""
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr[-3000:]
    return folder


def test_every_public_name_is_described(site: Path) -> None:
    reference = "".join(path.read_text("utf-8") for path in site.glob("reference/*.html"))
    anchors = set(re.findall(r'id="(pykeras_tl\.[\w.]+)"', reference))
    described = {anchor.rpartition(".")[2] for anchor in anchors}
    names = {name.name for package in packages() for name in public_names(package)}
    pages = {path.stem for path in site.glob("reference/*.html")}
    assert names - described - pages == set()


def test_links_lead_somewhere(site: Path) -> None:
    broken = []
    for page in site.rglob("*.html"):
        for link in re.findall(r'(?:href|src)="([^"#?]+)', page.read_text("utf-8")):
            target = page.parent / unquote(link)
            if not re.match(r"[a-z]+:|//", link) and not target.exists():
                broken.append(f"{page.relative_to(site)}: {link}")
    # The page for unknown addresses is shown at any depth, so that its links are absolute.
    assert [link for link in broken if not link.startswith("404.html")] == []


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    loaded = re.compile(
        r'<(?:script|img|iframe|source)[^>]+src="?(https?:[^"\s>]+)|<link[^>]+href="(https?:[^"]+)'
    )
    for page in site.rglob("*.html"):
        assert loaded.findall(page.read_text("utf-8")) == [], page
    for script in site.glob("assets/javascripts/bundle.*.js"):
        addresses = re.findall(r'"(https://unpkg\.com[^"]*)"', script.read_text("utf-8"))
        assert [a for a in addresses if not any(name in a for name in _LOADED_BY_NO_PAGE)] == []


def test_search_finds_a_function_a_page_and_a_notebook(site: Path) -> None:
    index = (site / "search" / "search_index.json").read_text("utf-8")
    for expected in ("choose_threshold", "Patients and groups", "Why a number was too good"):
        assert expected in index
