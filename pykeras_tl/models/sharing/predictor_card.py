"""The model card of what is no classifier of one class an image: of labels, or of a number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

import pandas as pd

from .model_card import flat_settings, front_matter, markdown_table, plain_text


class CardEvaluation(Protocol):
    """What the card tells of an evaluation."""

    task: ClassVar[str]

    @property
    def size(self) -> str: ...  # noqa: D102
    @property
    def headline(self) -> tuple[str, float]: ...  # noqa: D102
    @property
    def card_tables(self) -> Mapping[str, pd.DataFrame]: ...  # noqa: D102
    @property
    def limits(self) -> list[str]: ...  # noqa: D102


_EVERYWHERE = (
    "It was measured on images of the same origin as those it learned from. Those of another "
    "microscope, camera, clinic or population can do worse: measure it on some of your own "
    "before you rely on it."
)
_USE = """Python:

```python
from pykeras_tl import load_predictor
load_predictor("this-folder").predict("images")
```

R:

```r
predict(kerastl::load_predictor("this-folder"), "images")
```

Command line: `pykeras-tl predict this-folder images`"""


def predictor_card(
    title: str,
    introduction: str,
    preprocess: Mapping[str, Any],
    evaluations: Mapping[str, CardEvaluation],
    images: Mapping[str, pd.DataFrame] | None = None,
    made: Mapping[str, Any] | None = None,
    versions: Mapping[str, str] | None = None,
) -> str:
    """Write the model card of a multi-label classifier or a regressor.

    Args:
        title: What it predicts.
        introduction: A sentence about its output.
        preprocess: How images are read, as `PreprocessConfig.as_json` returns it.
        evaluations: Evaluations by the name of their images.
        images: Tables about the images it was made from, by caption.
        made: How it was made: settings by name.
        versions: Versions of the packages, by name.

    Returns:
        The text, Markdown with a front matter in YAML.

    Example:
        >>> card = predictor_card("Ages", "It gives a number.", {"target_size": [8, 8]}, {})
        >>> [line for line in card.splitlines() if line.startswith("#")]
        ['# Ages', '## Results', '## Limits', '## Use']
    """
    height, width = preprocess["target_size"]
    metrics = {name: each.headline for name, each in evaluations.items()}
    task = next((each.task for each in evaluations.values()), "image-classification")
    parts = [
        front_matter(title, task, metrics),
        f"# {plain_text(title)}",
        f"{plain_text(introduction)} Images are resized to {height} × {width} pixels.",
    ]
    if images:
        parts.append("## Images it was made from")
        for caption, table in images.items():
            parts += [f"{plain_text(caption)}:", markdown_table(table)]
    parts.append("## Results")
    for name, evaluation in evaluations.items():
        parts.append(f"### {plain_text(name)}: {evaluation.size}")
        for caption, table in evaluation.card_tables.items():
            parts += [f"{caption}:", markdown_table(table)]
    limits = [*(evaluations["test"].limits if "test" in evaluations else []), _EVERYWHERE]
    parts += ["## Limits", "\n".join(f"- {plain_text(each)}" for each in limits)]
    settings = [*flat_settings(made or {}), *flat_settings(versions or {})]
    if settings:
        table = pd.DataFrame(settings, columns=["", "value"])
        parts += ["## How it was made", markdown_table(table)]
    return "\n\n".join([*parts, "## Use", _USE]) + "\n"
