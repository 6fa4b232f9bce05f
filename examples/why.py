"""Why did it decide so? Saliency maps of a classifier's mistakes, and a map of all images.

    python examples/why.py [CLASSIFIER FOLDER]

CLASSIFIER is the folder of a saved classifier, and FOLDER has one subfolder of images per class.
Without them, synthetic blood cells are generated and a small network learns them in minutes.
`examples/why.R` does the same in R.
"""

import sys

import keras

from pykeras_tl import ImageDataGenerator, evaluate_classifier, explain_images, fit
from pykeras_tl.evaluation import worst_mistakes
from pykeras_tl.explanation import map_images, plot_maximization
from pykeras_tl.images import generate_blood_cells
from pykeras_tl.models import Classifier, blood_cells, load_classifier
from pykeras_tl.visualization.style import save_png


def train() -> Classifier:
    """Train a small network on synthetic blood cells."""
    generate_blood_cells("synthetic-cells", train=100, test=20, test_simple=5, seed=1)
    flow = ImageDataGenerator(rescale=1 / 255, horizontal_flip=True).flow_from_directory(
        "synthetic-cells/TRAIN", target_size=(96, 128), batch_size=25, seed=1
    )
    keras.utils.set_random_seed(1)
    model = blood_cells.modern(classes=4)
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    fit(model, flow, epochs=5, verbose=2)
    return Classifier.from_flow(model, flow)


def main(classifier: Classifier, folder: str) -> None:
    # 1. The worst mistakes: what spoke for the class that was predicted, and for the true one?
    evaluation = evaluate_classifier(classifier, folder, groups=None)
    print(f"accuracy: {evaluation.accuracy:.3f}")
    mistakes = worst_mistakes(evaluation.predictions, 9)
    if len(mistakes):
        explain_images(classifier, mistakes).save("why-predicted")
        why = explain_images(classifier, mistakes, classes=mistakes["class"].tolist())
        save_png(why.plot(title="What speaks for the true class"), "why-not.png")

    # 2. The first images by a second method, which needs no gradient. Where two methods that
    # share nothing agree, the answer is more credible.
    table = evaluation.predictions.groupby("class").head(1)
    for method in ("grad_cam", "occlusion"):
        figure = explain_images(classifier, table, method=method).plot(title=method)
        save_png(figure, f"why-{method}.png")

    # 3. All images, those that look alike to the network beside each other. Open it in a browser.
    map_images(classifier, folder, projection="tsne").save("map.html")

    # 4. What the network looks for in each class. Its input is from 0 to 1 here, for a backbone
    # with raw pixels from 0 to 255.
    high = 1.0 if classifier.standardization.get("rescale") else 255.0
    figure = plot_maximization(
        classifier.model,
        range(len(classifier.class_names)),
        names=classifier.class_names,
        value_range=(0.0, high),
    )
    save_png(figure, "classes.png")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(load_classifier(sys.argv[1]), sys.argv[2])
    else:
        main(train(), "synthetic-cells/TEST")
