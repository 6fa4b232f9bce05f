"""The structure that docs/architecture.md describes, read from the imports themselves."""

from __future__ import annotations

import ast
import re
from collections import Counter
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pykeras_tl

_ROOT = Path(pykeras_tl.__file__).parent
_PACKAGE = "pykeras_tl"

# From the ground up. A package imports from those before it only.
_ORDER = (
    "deprecation",
    "logs",
    "versions",
    "storage",
    "visualization",
    "images",
    "preprocessing",
    "models",
    "training",
    "evaluation",
    "explanation",
    "uncertainty",
    "ensembles",
    "studies",
    "recipe",
    "search",
    "tasks",
    "deployment",
    "keras2",
    "classifier_training",
    "cli",
    "__main__",
)
_MOST_MODULES = 12
_MOST_LINES = 400
_KERAS_INTERNALS = {
    "pykeras_tl.models.keras_internals",
    "pykeras_tl.training.devices.keras_internals",
}
_TENSORFLOW_ONLY = frozenset(
    {
        "pykeras_tl.models.graph.depthwise_convolution",
        "pykeras_tl.models.graph.folded_batch_norm",
        "pykeras_tl.training.devices.mirrored",
    }
)
_PRIVATE_KERAS = re.compile(
    r"_(flatten_layers|compile_config|compile_loss|compile_metrics|loss_tracker|functional"
    r"|nodes_by_depth|nodes|inbound_nodes|initial_epoch|metrics|layers|tracker"
    r"|keras_history|symbolic_build|distribute_strategy|distribution_strategy|layout)"
)


def _files() -> list[Path]:
    return sorted(_ROOT.rglob("*.py"))


def _name(path: Path) -> str:
    parts = path.relative_to(_ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


_NAMES = {_name(path): path for path in _files()}


@cache
def _imports(name: str) -> frozenset[str]:
    """All modules of the package that a module imports, inside functions too."""
    path = _NAMES[name]
    package = name if path.stem == "__init__" else name.rpartition(".")[0]
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*parents, base] if base else parents)
            found.add(base)
            found |= {f"{base}.{alias.name}" for alias in node.names}
    return frozenset(found)


def _own_imports(name: str) -> set[str]:
    found = {each for each in _imports(name) if each in _NAMES and each != name}
    # A package's __init__ only hands names on; what counts is the module that is named.
    return {each for each in found if _NAMES[each].stem != "__init__"}


def _circle(graph: dict[str, set[str]]) -> list[str]:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def _package_of(name: str) -> str:
    return name.split(".")[1] if "." in name else ""


def _rank(name: str) -> int:
    return _ORDER.index(_package_of(name))


def test_no_module_imports_itself_through_others() -> None:
    assert _circle({name: _own_imports(name) for name in _NAMES}) == []


def test_every_package_has_its_place_in_the_order() -> None:
    assert {_package_of(name) for name in _NAMES} - {""} == set(_ORDER)


def test_no_package_imports_from_one_above_it() -> None:
    upwards = [
        (name, other)
        for name in _NAMES
        for other in _own_imports(name)
        if _package_of(name) and _rank(other) > _rank(name)
    ]
    assert upwards == []


def test_no_folder_imports_itself_through_others() -> None:
    """Folders inside a package have an order too: `decoding` never needs `iterators`."""
    graph: dict[str, set[str]] = {}
    for name in _NAMES:
        for other in _own_imports(name):
            one, two = (_NAMES[each].parent for each in (name, other))
            if one != two and one not in two.parents and two not in one.parents:
                imported = graph.setdefault(str(one.relative_to(_ROOT)), set())
                imported.add(str(two.relative_to(_ROOT)))
    assert _circle(graph) == []


def test_no_folder_has_too_many_modules() -> None:
    counts = Counter(path.parent for path in _files() if path.stem != "__init__")
    assert {str(folder): count for folder, count in counts.items() if count > _MOST_MODULES} == {}


def test_no_module_is_too_long() -> None:
    lines = {str(path): len(path.read_text(encoding="utf-8").splitlines()) for path in _files()}
    assert {path: count for path, count in lines.items() if count > _MOST_LINES} == {}


def test_private_keras_stays_in_the_modules_meant_for_it() -> None:
    others = set(_NAMES) - _KERAS_INTERNALS
    imports = [
        (name, each)
        for name in others
        for each in _imports(name)
        if each.split(".")[:2] == ["keras", "src"]
    ]
    attributes = [
        (name, node.attr)
        for name in others
        for node in ast.walk(ast.parse(_NAMES[name].read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
        and _PRIVATE_KERAS.fullmatch(node.attr)
        and not (isinstance(node.value, ast.Name) and node.value.id == "self")
    ]
    assert imports == []
    assert attributes == []


def test_tensorflow_is_imported_in_the_one_module_meant_for_it() -> None:
    imports = [
        (name, each)
        for name in set(_NAMES) - _TENSORFLOW_ONLY
        for each in _imports(name)
        if each.split(".")[0] == "tensorflow"
    ]
    assert imports == []
