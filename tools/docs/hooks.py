"""What `mkdocs build` adds to the pages in docs/: references, notebooks, links into the repository.

- `reference/`: a page for each package, its public names from their docstrings, and the commands.
- `notebooks/`: the notebooks with their outputs.
- `r/`: the pages that pkgdown wrote to build/pkgdown, in the frame of this site.
"""

from __future__ import annotations

import posixpath
import re
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

import griffe
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

# MkDocs runs this file by its path.
sys.path.insert(0, str(Path(__file__).resolve().parent))

import notebook_pages
import r_pages
from public_names import ROOT, public_names, reference


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the generated pages into the navigation."""
    for section in config.nav or []:
        ((title, pages),) = section.items()
        if title == "Python reference":
            pages += [f"reference/{_stem(page)}.md" for page in sorted(reference())]
            pages += ["reference/commands.md"]
        elif title == "Notebooks":
            pages += [f"notebooks/{name}.md" for name in notebook_pages.names()]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages."""
    pages = {
        "reference/index.md": _index_page(),
        "reference/commands.md": _commands_page(),
        **{f"reference/{_stem(page)}.md": _package_page(page) for page in reference()},
        **notebook_pages.pages(),
        **r_pages.pages(),
    }
    for path, content in pages.items():
        files.append(File.generated(config, path, content=content))
    figures = {**notebook_pages.figures(), **r_pages.figures()}
    for path, figure in figures.items():
        files.append(File.generated(config, path, content=figure))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, **_: Any) -> str:
    """Let links to files of the repository lead to where it is published."""
    folder = posixpath.dirname(page.file.src_uri)

    def absolute(match: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join("docs", folder, match[1]))
        return f"]({config.extra['repository']}/blob/main/{path}{match[2]})"

    return re.sub(r"\]\(((?:\.\./)+[^)#]+)(#[^)]*)?\)", absolute, markdown)


def on_page_content(html: str, page: Page, **_: Any) -> str:
    """Put in what pkgdown wrote, which is not Markdown."""
    return r_pages.content(page.file.src_uri) or html


def _stem(package: str) -> str:
    return package.removeprefix("pykeras_tl.")


def _index_page() -> str:
    """All packages, and what `pykeras_tl` itself exports."""
    pages = reference()
    described = {name.name: name for names in pages.values() for name in names}
    lines = ["# Python reference", "", _docstring("pykeras_tl"), "", "| package | |", "|---|---|"]
    lines += [
        f"| [`{page}`]({_stem(page)}.md) | {_summary(page)} |"
        for page in pages
        if page != "pykeras_tl"
    ]
    lines += ["", "## Directly in `pykeras_tl`", "", "| name | |", "|---|---|"]
    lines += [
        f"| [`{name.name}`][{described[name.name].path}] | {_summary(described[name.name].path)} |"
        for name in public_names("pykeras_tl")
        if name.name in described
    ]
    return "\n".join(lines) + "\n"


def _package_page(page: str) -> str:
    """One package: its purpose, then each public name from its docstring."""
    lines = [f"# {page}", "", _docstring(page), ""]
    for name in reference()[page]:
        lines += [f"::: {name.origin if name.is_module else name.path}", ""]
        if name.is_module:
            lines += ["    options:", "        show_root_full_path: true", ""]
    return "\n".join(lines)


def _commands_page() -> str:
    """The commands as `--help` describes them."""
    command = [sys.executable, "-m", "typer", "pykeras_tl.cli.program", "utils", "docs"]
    result = subprocess.run(
        [*command, "--name", "pykeras-tl", "--title", "Commands"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return result.stdout


@lru_cache
def _package() -> griffe.Module:
    return griffe.load("pykeras_tl", search_paths=[ROOT], resolve_aliases=True)


def _docstring(path: str) -> str:
    described = _package() if path == "pykeras_tl" else _package()[path.split(".", 1)[1]]
    return described.docstring.value if described.docstring else ""


def _summary(path: str) -> str:
    """The first sentence of what describes a name or a package."""
    return _docstring(path).split("\n\n")[0].replace("\n", " ")
