"""The reference index of generated topics, and the vignette of all functions."""

from __future__ import annotations

import yaml
from tables import HERE, Function, Topic

# All names that keras 2 exported.
NAMES = HERE.parents[1] / "r/tests/testthat/keras2-names.txt"


def index(topics: list[Topic]) -> str:
    """Return the lines of `r/_pkgdown.yml` for the generated topics."""
    return "".join(f"      - {topic.name}\n" for topic in topics)


def vignette(topics: list[Topic]) -> str:
    """Return the vignette: a table of keras 2's functions and what they are here."""
    text = (HERE / "vignette.md").read_text(encoding="utf-8")
    rows: dict[str, list[tuple[str, str, str]]] = {}
    for topic in topics:
        for function in topic.functions:
            row = (function.name, _here(function), _remark(function))
            rows.setdefault(topic.entry["title"], []).append(row)
    made = {function.name for topic in topics for function in topic.functions}
    remarks = yaml.safe_load((HERE / "others.yaml").read_text(encoding="utf-8"))
    rows["Data, models, training and the session"] = [
        (name, "the same", remarks.get(name, ""))
        for name in NAMES.read_text(encoding="utf-8").split()
        if name not in made
    ]
    parts = [text]
    for title, table in rows.items():
        parts.append(f"\n## {title}\n\n| keras 2 | kerastl | Remark |\n|---|---|---|\n")
        for name, here, remark in sorted(table):
            parts.append(f"| `{name}` | {here} | {remark} |\n")
    return "".join(parts)


def _here(function: Function) -> str:
    if "gone" in function.entry:
        return "an error that says what to use"
    if "use" in function.entry:
        return f"`{function.entry['use']}`"
    if "without_effect" in function.entry:
        return "without effect"
    return "the same"


def _remark(function: Function) -> str:
    entry = function.entry
    remarks = [
        entry[key] for key in ("remark", "gone", "because", "without_effect") if key in entry
    ]
    without = list(entry.get("ignore", {}))
    if without:
        remarks.append(f"Without effect: {', '.join(f'`{name}`' for name in without)}.")
    return " ".join(_plain(remark) for remark in remarks)


def _plain(text: str) -> str:
    for mark in (".fn", ".arg", ".code"):
        while "{" + mark in text:
            begin = text.index("{" + mark)
            end = text.index("}", begin)
            inner = text[begin + len(mark) + 2 : end]
            text = f"{text[:begin]}`{inner}{'()' if mark == '.fn' else ''}`{text[end + 1 :]}"
    return text
