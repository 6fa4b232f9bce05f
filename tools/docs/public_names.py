"""The public names of pykeras_tl, read from its `__init__.pyi` files."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class PublicName:
    """A name that a package exports.

    Attributes:
        package: The package, such as "pykeras_tl.images".
        name: The name in it, such as "audit".
        origin: Where it is imported from, such as "pykeras_tl.images.auditing.audit".
    """

    package: str
    name: str
    origin: str

    @property
    def path(self) -> str:
        """What a user imports, such as "pykeras_tl.images.audit"."""
        return f"{self.package}.{self.name}"

    @property
    def is_module(self) -> bool:
        """Whether it is a module or a package."""
        base = ROOT.joinpath(*self.origin.split("."))
        return base.is_dir() or base.with_suffix(".py").is_file()


def packages() -> list[str]:
    """All packages with public names, each before those inside it."""
    stubs = (ROOT / "pykeras_tl").rglob("__init__.pyi")
    return sorted(".".join(stub.parent.relative_to(ROOT).parts) for stub in stubs)


def public_names(package: str) -> list[PublicName]:
    """The names that a package exports, in the order of its stub.

    Args:
        package: "pykeras_tl" or a package in it, such as "pykeras_tl.images".
    """
    stub = ROOT.joinpath(*package.split(".")) / "__init__.pyi"
    names = []
    for statement in ast.parse(stub.read_text("utf-8")).body:
        if isinstance(statement, ast.ImportFrom):
            module = f"{package}.{statement.module}" if statement.module else package
            names += [
                PublicName(package, alias.asname or alias.name, f"{module}.{alias.name}")
                for alias in statement.names
            ]
    return names


def reference() -> dict[str, list[PublicName]]:
    """The names to describe on the page of each package, each name once.

    A package inside another is described with it, and only in so far as the outer one does not
    export its names. `pykeras_tl` itself is described by what no other package exports.

    Returns:
        For each page, such as "pykeras_tl.images", the names on it.
    """
    pages: dict[str, list[PublicName]] = {}
    seen: set[tuple[str, str]] = set()
    for package in packages()[1:]:
        page = ".".join(package.split(".")[:2])
        for name in public_names(package):
            if (page, name.name) not in seen:
                seen.add((page, name.name))
                pages.setdefault(page, []).append(name)
    elsewhere = {name for _, name in seen}
    pages["pykeras_tl"] = [
        name
        for name in public_names("pykeras_tl")
        if name.name not in elsewhere and name.path not in pages
    ]
    return pages
