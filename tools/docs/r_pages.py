"""The pages of the R package that pkgdown wrote, for the site of both packages."""

from __future__ import annotations

import re
from pathlib import Path

from public_names import ROOT

# Written by tools/docs/build_r.R; missing where R or pkgdown is.
PKGDOWN = ROOT / "build" / "pkgdown"
_SECTIONS = {"reference": "Functions", "articles": "Articles"}
_MISSING = (
    "This site was built on a machine without pkgdown. "
    "Install it, and run `make docs` again; in R, `help(package = kerastl)` shows the same."
)


def pages() -> dict[str, str]:
    """The Markdown of each page; `content` replaces it by what pkgdown wrote.

    Returns:
        The text by the page's path, such as "r/reference/fit.md".
    """
    news = (ROOT / "r" / "NEWS.md").read_text("utf-8")
    # Its one heading of level 1 says the version; the navigation needs a title.
    texts = {"r/news.md": f"---\ntitle: News\n---\n\n{news}"}
    for path in sorted((ROOT / "r" / "vignettes").glob("*.Rmd")):
        # Other pages link to them, written or not.
        texts[f"r/articles/{path.stem}.md"] = f"# {path.stem}\n\n{_MISSING}\n"
    for section, title in _SECTIONS.items():
        texts[f"r/{section}/index.md"] = f"# {title}\n\n{_MISSING}\n"
        for path in sorted((PKGDOWN / section).glob("*.html")):
            name = title if path.stem == "index" else _title(path)
            texts[f"r/{section}/{path.stem}.md"] = (
                f"---\ntitle: {name!r}\nhide: [toc]\n---\n\n# {name}\n"
            )
    return texts


def figures() -> dict[str, bytes]:
    """The figures of the articles by their path on the site."""
    return {
        f"r/{path.relative_to(PKGDOWN).as_posix()}": path.read_bytes()
        for section in _SECTIONS
        for path in sorted((PKGDOWN / section).rglob("*.png"))
    }


def content(page: str) -> str | None:
    """The HTML that pkgdown wrote for a page.

    Args:
        page: Its path, such as "r/reference/fit.md".

    Returns:
        The HTML, or None if the page is not one of pkgdown's.
    """
    if not page.startswith("r/"):
        return None
    path = PKGDOWN / page.removeprefix("r/").replace(".md", ".html")
    if not path.is_file():
        return None
    (main,) = re.findall(r"<main[^>]*>(.*?)</main>", path.read_text("utf-8"), re.DOTALL)
    without_logo = main.replace('<img src="" class="logo" alt="">', "")
    return f'<div class="pkgdown">{without_logo}</div>'


def _title(path: Path) -> str:
    (title,) = re.findall(r"<title>(.*?) • kerastl</title>", path.read_text("utf-8"), re.DOTALL)
    return title.split(" — ")[-1].strip()
