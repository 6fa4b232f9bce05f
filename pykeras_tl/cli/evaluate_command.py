"""The command `evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import FilenameColumn, ImageFolder, Labels, Separator, Target, show

if TYPE_CHECKING:
    import pandas as pd

    from ..evaluation import Evaluation
    from ..models import Classifier, MultiLabelClassifier, Regressor


def evaluate(
    classifier: Annotated[Path, typer.Argument(help="Folder of a trained classifier.")],
    data: Annotated[
        str,
        typer.Argument(
            help="Folder with one subfolder of images per class, or a CSV file with the columns "
            "filename and class; for labels or numbers, a CSV file with these."
        ),
    ],
    out: Annotated[
        Path | None, typer.Option(help="Write tables, figures and report.html to this folder.")
    ] = None,
    subgroup: Annotated[
        str | None,
        typer.Option(help="Column of the CSV file to tell the results apart by, worst first."),
    ] = None,
    validation: Annotated[
        Path | None,
        typer.Option(help="Other images, like the first, on which thresholds are chosen."),
    ] = None,
    positive: Annotated[
        str | None,
        typer.Option(help="Class of interest: show its sensitivity, with --validation."),
    ] = None,
    sensitivity: Annotated[
        float | None, typer.Option(help="Share of its images that must be found; else the best.")
    ] = None,
    groups: Annotated[
        str, typer.Option(help="'copies' of one image count once; 'none' counts all images.")
    ] = "copies",
    labels: Labels = None,
    target: Target = None,
    separator: Separator = ";",
    images: ImageFolder = None,
    filename_column: FilenameColumn = "filename",
) -> None:
    """Measure a classifier on images whose classes, labels or numbers are known."""
    from ..evaluation import choose_threshold, evaluate_classifier
    from ..models.saving.classifier import Classifier, load_predictor
    from ..models.saving.regressor import Regressor

    if positive is not None and validation is None:
        raise ValueError(
            "Expected --validation with --positive: a threshold is chosen on other images. "
            "Received: --positive alone."
        )
    together = None if groups == "none" else groups
    model = load_predictor(classifier)
    if not isinstance(model, Classifier):
        if subgroup is not None or validation is not None:
            raise ValueError(
                f"Expected a classifier of one class an image with --subgroup and --validation. "
                f"Received: {model.kind}."
            )
        table: dict[str, Any] = {"x_col": filename_column, "directory": images, "groups": together}
        if not isinstance(model, Regressor):
            column: str | list[str] = labels[0] if labels and len(labels) == 1 else labels or []
            table |= {"y_col": column or "labels", "separator": separator}
        else:
            table["y_col"] = target
        _evaluate_other(model, data, out, table)
        return
    measured = evaluate_classifier(model, _table(data), groups=together, subgroup=subgroup)
    typer.echo(f"{measured.size}. 95 % intervals of the bootstrap:\n")
    if measured.independent > 1:
        show(measured.intervals[measured.intervals["class"].isna()].drop(columns="class"))
    evaluations = {}
    if validation is not None:
        chosen_on = evaluate_classifier(model, _table(validation), groups=together)
        evaluations["validation"] = chosen_on
    evaluations["test" if Path(data).stem == "validation" else Path(data).stem] = measured
    if positive is not None:
        threshold = choose_threshold(chosen_on.predictions, positive, sensitivity)
        typer.echo(f"\n{positive} from a probability of {threshold:.3f} on:\n")
        show(measured.at_threshold(positive, threshold))
    if measured.by_subgroup is not None:
        typer.echo(f"\nBy {subgroup}, the worst first:\n")
        show(measured.by_subgroup)
    coverage = _coverage(model, measured)
    if coverage is not None:
        typer.echo("\nPrediction sets:\n")
        show(coverage)
    if out is not None:
        _write(out, classifier.name, model, evaluations, coverage)


def _evaluate_other(
    predictor: MultiLabelClassifier | Regressor,
    data: str,
    out: Path | None,
    options: dict[str, Any],
) -> None:
    from ..evaluation import evaluate_multi_label_classifier, evaluate_regressor
    from ..models.saving.regressor import Regressor
    from ..tasks.report import write_task_report

    measured = (
        evaluate_regressor(predictor, data, **options)
        if isinstance(predictor, Regressor)
        else evaluate_multi_label_classifier(predictor, data, **options)
    )
    typer.echo(f"{measured.size}. 95 % intervals of the bootstrap:\n")
    show(measured.overall)
    for caption, table in list(measured.card_tables.items())[1:]:
        typer.echo(f"\n{caption}:\n")
        show(table)
    if out is not None:
        measured.save(out / Path(data).stem)
        title = f"Evaluation of {predictor.kind}"
        page = write_task_report(out, title, predictor, {Path(data).stem: measured})
        typer.echo(f"\nreport: {page}")


def _coverage(classifier: Classifier, measured: Evaluation) -> pd.DataFrame | None:
    from ..evaluation import coverage_table

    if classifier.prediction_sets is None:
        return None
    return coverage_table(measured, classifier.prediction_sets)


def _table(data: str | Path) -> pd.DataFrame:
    import pandas as pd

    from ..images.datasets.folders import list_images

    if Path(data).suffix.lower() != ".csv":
        return list_images(data)
    table = pd.read_csv(data, dtype={"filename": str, "class": str})
    if not {"filename", "class"} <= set(table):
        raise ValueError(
            f"Expected the columns filename and class in {data}. Received: {list(table)}."
        )
    return table


def _write(
    out: Path,
    name: str,
    classifier: Classifier,
    evaluations: dict[str, Evaluation],
    coverage: pd.DataFrame | None,
) -> None:
    from ..evaluation import Report, Section, TrialReport, write_report
    from ..evaluation.results.training_images import training_image_notes

    for split, evaluation in evaluations.items():
        evaluation.save(out / split)
    sections = []
    if coverage is not None:
        tables = {"Share of images whose set holds the true class": coverage}
        text = "The prediction sets that the classifier carries, calibrated when it was trained."
        sections.append(Section("Prediction sets of the classifier", [text], tables))
    trial = TrialReport(name, evaluations=evaluations)
    known = training_image_notes(classifier, evaluations)
    report = Report(f"Evaluation of {name}", trials=[trial], sections=sections, warnings=known)
    page = write_report(out / "report.html", report)
    typer.echo(f"\nreport: {page}")
