"""Searches on two virtual CPU devices; prints the trials' states. Run with KERAS_BACKEND set."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

from conftest import tiny_backbone_entry
from several_devices import OnTwo  # Makes two devices of the CPU.

from pykeras_tl.models.backbones import registry
from pykeras_tl.recipe.plan import Plan
from pykeras_tl.recipe.planning import Request
from pykeras_tl.recipe.saved_plans import save_plans
from pykeras_tl.search import search, search_classifier
from pykeras_tl.studies import phases


def main(images: Path, out: Path) -> None:
    entry, network = tiny_backbone_entry()
    registry.BACKBONES["tiny"], registry._OWN["Tiny"] = entry, network
    fit = phases.fit

    def watched(*args: Any, callbacks: Any = (), **options: Any) -> Any:
        return fit(*args, callbacks=[*callbacks, OnTwo()], **options)

    phases.fit = watched  # type: ignore[assignment]
    asked: dict[str, Any] = {
        "minutes": 1, "backbone": "tiny", "weights": None, "target_size": (32, 32),
        "batch_size": 8,
    }  # fmt: skip
    plan = Plan("tiny", (32, 32), 8, "block1", 1, False, 1.0)
    save_plans(out, Request("good", **asked), {"search": plan}, search._STUDY)
    find = partial(search_classifier, images, out, trials=1, groups=None)
    print(json.dumps(find(devices=2, **asked).table["state"].tolist()))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
