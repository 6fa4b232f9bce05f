"""The model card: what a classifier was made from, how well it does, and where not to trust it.

It is the `README.md` of a classifier's folder, in Markdown with the front matter that the Hugging
Face Hub reads, so that the same file is read by people, on GitHub and on the Hub.

Source:
    Mitchell et al., Model Cards for Model Reporting, 2019, https://arxiv.org/abs/1810.03993.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import pandas as pd
import yaml

from ...visualization.rich_display import list_names

CARD = "README.md"
# Fewer test images of a class than this leave its result nearly open.
_FEW = 30
_SPECIAL = re.compile(r"([\\`*\[\]<>|#]|(?<![^\W_])_|_(?![^\W_]))")


class HasResults(Protocol):
    """What the card tells of an evaluation, such as `evaluation.Evaluation` has it."""

    @property
    def accuracy(self) -> float: ...  # noqa: D102
    @property
    def by_class(self) -> pd.DataFrame: ...  # noqa: D102
    @property
    def overall_intervals(self) -> pd.DataFrame: ...  # noqa: D102
    @property
    def confusion(self) -> pd.DataFrame: ...  # noqa: D102
    @property
    def independent(self) -> int: ...  # noqa: D102
    @property
    def size(self) -> str: ...  # noqa: D102
    @property
    def groups(self) -> Any: ...  # noqa: D102
    def by_group(self) -> HasResults: ...  # noqa: D102


Evaluations = HasResults | Mapping[str, HasResults]


def model_card(
    class_names: Sequence[str],
    preprocess: Mapping[str, Any],
    evaluations: Evaluations,
    images: Mapping[str, pd.DataFrame] | None = None,
    made: Mapping[str, Any] | None = None,
    versions: Mapping[str, str] | None = None,
) -> str:
    """Write the model card of a classifier.

    Args:
        class_names: The classes.
        preprocess: How images are read, as `PreprocessConfig.as_json` returns it.
        evaluations: One evaluation, called "test", or several by the name of their images.
        images: Tables about the images it was made from, by caption.
        made: How it was made: settings by name.
        versions: Versions of the packages, by name.

    Returns:
        The text, Markdown with a front matter in YAML.

    Example:
        >>> from pykeras_tl.evaluation import Evaluation, prediction_table
        >>> predictions = prediction_table(["a"], ["cat"], [[0.9, 0.1]], ["cat", "dog"])
        >>> card = model_card(["cat", "dog"], {"target_size": [8, 8]}, Evaluation(predictions))
        >>> [line for line in card.splitlines() if line.startswith("##")]
        ['## Results', '### test: 1 image', '## Limits', '## Use']
    """
    named = _named(evaluations)
    height, width = preprocess["target_size"]
    shown = ", ".join(class_names[:8]) + (" …" if len(class_names) > 8 else "")
    title = f"A classifier of images: {plain_text(shown)}"
    metrics = {name: ("accuracy", evaluation.accuracy) for name, evaluation in named.items()}
    parts = [
        front_matter(title, "image-classification", metrics),
        f"# {title}",
        f"It gives each image a probability for each of {len(class_names)} classes, and always "
        f"names one of them. Images are resized to {height} × {width} pixels.",
    ]
    if images:
        parts.append("## Images it was made from")
        for caption, table in images.items():
            parts += [f"{plain_text(caption)}:", markdown_table(table)]
    parts.append("## Results")
    for name, evaluation in named.items():
        parts += _results(name, evaluation)
    parts += ["## Limits", "\n".join(f"- {plain_text(each)}" for each in limits(named))]
    settings = [*flat_settings(made or {}), *flat_settings(versions or {})]
    if settings:
        parts += [
            "## How it was made",
            markdown_table(pd.DataFrame(settings, columns=["", "value"])),
        ]
    parts += ["## Use", _USE]
    return "\n\n".join(parts) + "\n"


def limits(evaluations: Evaluations) -> list[str]:
    """Say where a classifier should not be trusted, from what was measured.

    Args:
        evaluations: One evaluation, or several by the name of their images; "test" counts, or
            the last.

    Returns:
        Sentences of plain text.

    Example:
        >>> from pykeras_tl.evaluation import Evaluation, prediction_table
        >>> predictions = prediction_table(["a"], ["cat"], [[0.9, 0.1]], ["cat", "dog"])
        >>> limits(Evaluation(predictions))[0]
        'The results rest on 1 independent image.'
    """
    named = _named(evaluations)
    name = "test" if "test" in named else list(named)[-1]
    evaluation = named[name]
    count = evaluation.independent
    kind = "independent image" if evaluation.groups is None else "independent group"
    found = [f"The results rest on {count:,} {kind}{'' if count == 1 else 's'}."]
    if evaluation.groups is None:
        found.append(
            "The intervals take all images for independent. If images belong together, such as "
            "those of one patient, the intervals are wider."
        )
    classes = evaluation.by_class.iloc[:-2]
    rare = classes[classes["support"] < _FEW]
    if len(rare):
        listed = [f"{row['class']} ({row['support']})" for _, row in rare.iterrows()]
        found.append(
            f"Fewer than {_FEW} images of a class leave its result nearly open: "
            f"{list_names(listed, 10)}."
        )
    worst = classes[classes["support"] > 0].sort_values("recall").iloc[:1]
    for _, row in worst.iterrows():
        if row["recall"] < 1:
            others = evaluation.confusion.loc[row["class"]].drop(row["class"])
            found.append(
                f"The class found least is {row['class']}: {row['recall']:.0%} of its "
                f"{name} images, and most of the others are taken for {others.idxmax()}."
            )
    found += [
        "It was measured on images of the same origin as those it learned from. Those of another "
        "microscope, camera, clinic or population can do worse: measure it on some of your own "
        "before you rely on it.",
        "An image of something else gets one of these classes too, often with a high probability.",
    ]
    return found


def with_novelty(card: str, threshold: float, marked: float, images: int) -> str:
    r"""Add to a model card what is known of `none_of_these`.

    Args:
        card: The card.
        threshold: The distance beyond which an image is none of the classes.
        marked: The share of the test images, all of which have a class, that are beyond it, 0..1.
        images: How many test images were looked at.

    Returns:
        The card with a section before its limits.

    Example:
        >>> card = with_novelty("# A card\n\n## Limits\n", 0.25, 0.04, 200)
        >>> [line for line in card.splitlines() if line.startswith("#")]
        ['# A card', '## None of these', '## Limits']
    """
    section = (
        "## None of these\n\n`predict` marks an image as none of the classes, in the column "
        "`none_of_these`, where the network's features are farther than "
        f"{threshold:.3f} from those of the training images. Of {images:,} test images, which all "
        f"have a class, {marked:.1%} are marked. How many images of other things it finds depends "
        "on what they show: try it on some."
    )
    return card.replace("\n## Limits\n", f"\n{section}\n\n## Limits\n", 1)


def _results(name: str, evaluation: HasResults) -> list[str]:
    parts = [f"### {plain_text(name)}: {evaluation.size}"]
    if evaluation.independent > 1:
        how = "" if evaluation.groups is None else ", by distinct image or group"
        table = _with_interval(evaluation.overall_intervals)
        if evaluation.independent < evaluation.confusion.to_numpy().sum():
            once = _with_interval(evaluation.by_group().overall_intervals.iloc[:1])
            once["metric"] = "accuracy, each distinct image or group counted once"
            table = pd.concat([table.iloc[:1], once, table.iloc[1:]])
        parts += [f"With 95 % intervals of the bootstrap{how}:", markdown_table(table)]
    else:
        parts.append(f"Accuracy: {evaluation.accuracy:.3f}")
    return [*parts, "By class:", markdown_table(evaluation.by_class)]


def _with_interval(rows: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "metric": [str(name).replace("_", " ") for name in rows["metric"]],
            "value": rows["value"].tolist(),
            "95 % interval": [
                f"{low:.3f} to {high:.3f}" for low, high in zip(rows["low"], rows["high"])
            ],
        }
    )


def front_matter(title: str, task: str, metrics: Mapping[str, tuple[str, float]]) -> str:
    """Write what the Hugging Face Hub reads of a card.

    Args:
        title: The card's title.
        task: What the Hub calls the task.
        metrics: The name and the value of a metric, by the name of the images.

    Returns:
        YAML between two lines of dashes.

    Example:
        >>> print(front_matter("Cells", "image-classification", {"test": ("accuracy", 0.9)})[-39:])
              - type: accuracy
                value: 0.9
        ---
    """
    results = [
        {
            "task": {"type": task},
            "dataset": {"name": name, "type": "imagefolder"},
            "metrics": [{"type": metric, "value": round(float(value), 4)}],
        }
        for name, (metric, value) in metrics.items()
    ]
    content = {
        "library_name": "keras",
        "pipeline_tag": task,
        "tags": [task, "keras", "pykeras-tl", "transfer-learning"],
        "model-index": [{"name": title, "results": results}],
    }
    return f"---\n{yaml.safe_dump(content, sort_keys=False, allow_unicode=True)}---"


def _named(evaluations: Evaluations) -> Mapping[str, HasResults]:
    return evaluations if isinstance(evaluations, Mapping) else {"test": evaluations}


def markdown_table(table: pd.DataFrame) -> str:
    """Write a table in Markdown.

    Args:
        table: Any table.

    Returns:
        Its lines; numbers have three decimals.

    Example:
        >>> print(markdown_table(pd.DataFrame({"a": [0.12345]})))
        | a |
        | --- |
        | 0.123 |
    """
    rows = [[plain_text(str(name)) for name in table.columns], ["---"] * len(table.columns)]
    rows += [[_cell(value) for value in row] for row in table.itertuples(index=False)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return "–" if pd.isna(value) else f"{value:.3f}".removesuffix(".000")
    return plain_text(str(value))


def plain_text(text: str) -> str:
    r"""Escape what Markdown and HTML would read as more than text; names come from strangers.

    Args:
        text: Any text.

    Returns:
        One line.

    Example:
        >>> plain_text("<b>cow</b>")
        '\\<b\\>cow\\</b\\>'
    """
    whole = text.encode("utf-8", "replace").decode("utf-8")
    return _SPECIAL.sub(r"\\\1", " ".join(whole.split()))


def flat_settings(settings: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """List nested settings, those without a value left out.

    Args:
        settings: Settings by name.
        prefix: What the names begin with.

    Returns:
        Names and values as text.

    Example:
        >>> flat_settings({"data": {"size": [8, 8]}, "split": None})
        [('data · size', '8, 8')]
    """
    rows: list[tuple[str, str]] = []
    for name, value in settings.items():
        if isinstance(value, Mapping):
            rows += flat_settings(value, f"{prefix}{name} · ")
        elif value is not None and value != []:
            listed = value if isinstance(value, list | tuple) else [value]
            rows.append((f"{prefix}{name}", ", ".join(map(_without_folder, listed))))
    return rows


def _without_folder(value: Any) -> str:
    # Where a file of weights lay is nobody else's business.
    return Path(value).name if isinstance(value, str) and Path(value).is_absolute() else str(value)


_USE = """Python:

```python
from pykeras_tl import load_classifier
load_classifier("this-folder").predict("images")
```

R:

```r
predict(kerastl::load_classifier("this-folder"), "images")
```

Command line: `pykeras-tl predict this-folder images`"""
