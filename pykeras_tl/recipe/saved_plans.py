"""Plans kept in a folder of results, so that an interrupted training goes on with them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from ..storage.atomic_files import atomic_file
from ..studies.runner import check_results_folder, create_results_folder
from ..studies.study import Study
from .plan import Plan
from .planning import Request

_PLANS = "plan.json"


def read_plans(out: Path, request: Request, study: Study) -> dict[str, Plan]:
    """Read the plans of a training that was begun in a folder.

    Args:
        out: The folder.
        request: What the user asks; it must be what was asked then.
        study: The study whose results the folder holds.

    Returns:
        The plans by name; none if nothing was begun.

    Raises:
        FileExistsError: If the folder holds something else, or was made with other settings.
    """
    check_results_folder(out, study)
    if not (out / _PLANS).is_file():
        return {}
    saved = json.loads((out / _PLANS).read_text(encoding="utf-8"))
    if saved["request"] != request.to_record():
        raise FileExistsError(
            f"{out} holds a classifier made with other settings. Choose another folder."
        )
    return {name: Plan.from_record(record) for name, record in saved["plans"].items()}


def save_plans(out: Path, request: Request, plans: Mapping[str, Plan], study: Study) -> None:
    """Write plans into a folder of results, created if missing.

    Args:
        out: The folder.
        request: What the user asked.
        plans: The plans by name.
        study: The study whose results the folder holds.
    """
    create_results_folder(out, study)
    records = {name: plan.to_record() for name, plan in plans.items()}
    with atomic_file(out / _PLANS) as temporary:
        text = json.dumps({"request": request.to_record(), "plans": records}, indent=1)
        temporary.write_text(text, encoding="utf-8")
