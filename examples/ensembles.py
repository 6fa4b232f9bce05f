"""Ensembles, a CNN + SVM hybrid and a look into the layers, on a folder of images.

    python examples/ensembles.py IMAGES RESULTS [--size 32] [--members 8] [--epochs 8]

IMAGES holds `train` and `test` with a folder for each class, or the folders of the classes,
of which a fifth is then kept for the test. RESULTS receives tables and images: the error over
the number of members, the machines that cross-validation tried, and how sparse each layer is.
`--quick` draws small images and takes a minute.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd

from pykeras_tl.ensembles import (
    average_predictions,
    bag,
    boost,
    cross_fit,
    error_by_members,
    fine_tune_svm,
    fit_stack,
    fit_svm,
    fit_weights,
    plot_error_by_members,
    vote,
)
from pykeras_tl.evaluation import (
    confidence_intervals,
    evaluate_classifier,
    plot_feature_maps,
    plot_filters,
    plot_sparsity,
    sparsity_by_layer,
)
from pykeras_tl.images import ImageDataGenerator, list_images, split_fractions
from pykeras_tl.models import cnn_svr
from pykeras_tl.models.saving.classifier import Classifier, load_classifier
from pykeras_tl.studies import Trial, TrialTrainer, get_study
from pykeras_tl.training import fit

NETWORKS = ("basenet.basenet", "cnn_svr.network")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("images", type=Path, help="made by --quick when it is not there")
    parser.add_argument("results", type=Path)
    parser.add_argument("--size", type=int, default=32, help="height and width in pixels")
    parser.add_argument("--members", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=8, help="of each member")
    parser.add_argument("--quick", action="store_true", help="draw images, train briefly")
    options = parser.parse_args()
    if options.quick:
        options.members, options.epochs = 2, 2
        if not options.images.exists():
            get_study("basenet").generate_data(options.images)
    options.results.mkdir(parents=True, exist_ok=True)
    train, validation, test = parts(options.images)
    print(f"{len(train)} images to train on, {len(validation)} for validation, {len(test)} to test")
    combine(train, validation, test, options)
    join_machine(train, test, options)


def parts(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Training images, a tenth of them for validation, and test images."""
    if (folder / "train").is_dir():
        known, test = list_images(folder / "train"), list_images(folder / "test")
    else:
        cut = split_fractions(list_images(folder), {"train": 0.8, "test": 0.2})
        known, test = (cut[cut["split"] == part] for part in ("train", "test"))
    cut = split_fractions(known[["filename", "class"]], {"train": 0.9, "validation": 0.1})
    train, validation = (cut[cut["split"] == part] for part in ("train", "validation"))
    return tuple(table[["filename", "class"]] for table in (train, validation, test))


def trainer(network: str, options: argparse.Namespace) -> TrialTrainer:
    """What trains a member: the record of a trial."""
    data = {"target_size": [options.size] * 2, "batch_size": 32, "rescale": 1 / 255}
    training = {"optimizer": {"name": "adam"}, "epochs": options.epochs}
    return TrialTrainer(Trial(network, data, {"network": network}, training))


def combine(
    train: pd.DataFrame, validation: pd.DataFrame, test: pd.DataFrame, options: argparse.Namespace
) -> None:
    """Average, bag, boost and stack networks; measure them and draw the error's fall."""
    base = trainer(NETWORKS[0], options)
    found, curves = {}, {}

    started = time.perf_counter()
    members = [base(train, seed) for seed in range(options.members)]
    said = [member(test) for member in members]
    found["one network"] = said[0]
    found["averaging"] = average_predictions(said)
    weights = fit_weights([member(validation) for member in members])
    found["averaging, weighted on validation"] = average_predictions(said, weights)
    curves["averaging"] = error_by_members(said)
    print(f"averaging: {time.perf_counter() - started:.0f} s")

    bagged = [member(test) for member in bag(base, train, options.members, seed=100)]
    found["bagging"] = average_predictions(bagged)
    curves["bagging"] = error_by_members(bagged)
    print(f"bagging: {time.perf_counter() - started:.0f} s")

    boosted = boost(base, train, options.members, seed=200, learning_rate=0.1)
    votes = [vote([member(test)], [1.0]) for member in boosted.members]
    found["boosting"] = boosted.predict(test)
    curves["boosting"] = error_by_members(votes, boosted.weights, orders=1)
    print(f"boosting: {time.perf_counter() - started:.0f} s")

    fitted = [cross_fit(trainer(network, options), train, folds=3) for network in NETWORKS]
    stack = fit_stack([each.out_of_fold for each in fitted])
    stack.save(options.results / "stack.npz")
    found["stacking of two kinds"] = stack.predict([each.predict(test) for each in fitted])
    print(f"stacking: {time.perf_counter() - started:.0f} s")

    rows = [accuracy(predictions) for predictions in found.values()]
    table = pd.DataFrame(rows).assign(ensemble=list(found)).set_index("ensemble")
    table.to_csv(options.results / "ensembles.csv")
    print(table.round(4).to_string())
    errors = pd.concat(curves, names=["ensemble"]).reset_index("ensemble")
    errors.to_csv(options.results / "error-by-members.csv", index=False)
    figure = plot_error_by_members(curves, "Test error over the number of members")
    figure.savefig(options.results / "error-by-members.png", dpi=144)


def accuracy(predictions: pd.DataFrame) -> dict[str, float]:
    """Test accuracy with its 95 % interval."""
    row = confidence_intervals(predictions).iloc[0]
    return {"test accuracy": row["value"], "low": row["low"], "high": row["high"]}


def join_machine(train: pd.DataFrame, test: pd.DataFrame, options: argparse.Namespace) -> None:
    """Put a support vector machine on a trained network, train both on, look into the layers."""
    settings = {"target_size": (options.size, options.size), "seed": 1}
    generator = ImageDataGenerator(rescale=1 / 255)
    flow = generator.flow_from_dataframe(train, **settings)
    unseen = generator.flow_from_dataframe(test, shuffle=False, **settings)
    network = cnn_svr.network(len(flow.class_names), (options.size, options.size, 3), seed=1)
    network.compile("adam", loss="categorical_crossentropy", metrics=["accuracy"])
    fit(network, flow, epochs=options.epochs)
    found = {"the network alone": evaluate_classifier(network, unseen).predictions}

    hybrid = fit_svm(network, flow, layer="features", grid={"C": [0.1, 1.0]}, folds=3)
    hybrid.search.to_csv(options.results / "machines.csv", index=False)
    found["CNN + SVM"] = evaluate_classifier(hybrid.model, unseen).predictions
    place = options.results / "hybrid"
    if not place.exists():
        Classifier.from_flow(hybrid.model, flow).save(place)
    again = load_classifier(place).predict(test["filename"].tolist())
    print(
        "the saved hybrid says the same:",
        (again["predicted"] == found["CNN + SVM"]["predicted"]).all(),
    )
    fine_tune_svm(hybrid, flow, epochs=options.epochs)
    found["CNN + SVM, trained on end to end"] = evaluate_classifier(
        hybrid.model, unseen
    ).predictions
    table = pd.DataFrame([accuracy(each) for each in found.values()]).assign(network=list(found))
    table.set_index("network").to_csv(options.results / "hybrids.csv")
    print(hybrid.search.round(4).to_string(index=False))
    print(table.round(4).to_string(index=False))

    images = np.concatenate([next(unseen)[0] for _ in range(min(8, len(unseen)))])
    sparsity = sparsity_by_layer(network, images)
    sparsity = sparsity[sparsity["kind"].isin(["Conv2D", "Dense"])].iloc[:-1]
    sparsity.to_csv(options.results / "sparsity.csv", index=False)
    print(sparsity[["layer", "sparsity", "silent_channels"]].round(3).to_string(index=False))
    plot_sparsity(sparsity).savefig(options.results / "sparsity.png", dpi=144)
    first = next(layer.name for layer in network.layers if "conv" in layer.name)
    plot_feature_maps(network, images[0], first).savefig(options.results / "feature-maps.png")
    plot_filters(network, first).savefig(options.results / "filters.png")


if __name__ == "__main__":
    main()
