"""When not to believe a classifier: thresholds, prediction sets, and images that are none of these.

    python examples/knowing_when_to_doubt.py [FOLDER] [BACKBONE] [WEIGHTS] [FOREIGN]

FOLDER holds TRAIN, VALIDATION and TEST, each with one subfolder per class; without it, synthetic
blood cells are generated. WEIGHTS is "imagenet", the path of a weights file, or "none". FOREIGN is
a folder of images that are none of the classes. `examples/knowing_when_to_doubt.R` does the same in
R.
"""

import sys
from pathlib import Path

import cv2
import numpy as np

from pykeras_tl import evaluate_classifier, list_images, train_classifier
from pykeras_tl.evaluation import choose_threshold, coverage_table, plot_roc
from pykeras_tl.evaluation.figures import save_png
from pykeras_tl.images import generate_blood_cells


def main(
    folder: str = "doubtful-cells",
    backbone: str = "efficientnet_lite0",
    weights: str = "imagenet",
    foreign: str = "doubtful-noise",
) -> None:
    if folder == "doubtful-cells" and not Path(folder).exists():
        generate_blood_cells(folder, train=60, test=40, test_simple=40, seed=1)
        Path(folder, "TEST_SIMPLE").rename(Path(folder, "VALIDATION"))
        write_noise(Path(foreign))

    # 1. The classifier carries prediction sets and what it needs for `none_of_these`.
    classifier = train_classifier(
        folder, "doubtful-classifier", backbone=backbone, epochs=2, target_size=(96, 128),
        weights=None if weights == "none" else weights, batch_size=16, groups=None,
    )  # fmt: skip
    validation, test = (
        evaluate_classifier(classifier, Path(folder, split)) for split in ("VALIDATION", "TEST")
    )

    # 2. The numbers of clinics, with their intervals. The threshold is chosen on other images.
    overall = test.intervals[test.intervals["class"].isna()]
    print(overall.drop(columns="class").round(3).to_string(index=False))
    name = classifier.class_names[0]
    threshold = choose_threshold(validation.predictions, name, sensitivity=0.95)
    print(f"\n{name} from a probability of {threshold:.3f} on:")
    print(test.at_threshold(name, threshold).round(3).to_string(index=False))
    save_png(plot_roc(test.predictions), "roc.png")

    # 3. Prediction sets: do they hold what they promise?
    print("\nPrediction sets:")
    print(coverage_table(test, classifier.prediction_sets).round(3).to_string(index=False))

    # 4. Subgroups: are dark images worse?
    table = list_images(Path(folder, "TEST"))
    brightness = np.array([cv2.imread(str(file)).mean() for file in table["filename"]])
    table["brightness"] = np.where(brightness < np.median(brightness), "dark", "bright")
    by_brightness = evaluate_classifier(classifier, table, subgroup="brightness").by_subgroup
    print(f"\n{by_brightness.round(3).to_string(index=False)}")

    # 5. Images of another kind are none of these.
    columns = ["predicted", "prediction_set", "none_of_these", "novelty"]
    print(f"\n{classifier.predict(foreign)[columns].head().to_string(index=False)}")
    for title, paths in (("own", Path(folder, "TEST")), ("foreign", foreign)):
        share = classifier.predict(paths)["none_of_these"].mean()
        print(f"none of these: {share:.0%} of {title} images")


def write_noise(folder: Path, count: int = 20) -> None:
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    for number in range(count):
        pixels = random.integers(0, 256, (96, 128, 3), dtype="uint8")
        cv2.imwrite(str(folder / f"{number:02}.png"), pixels)


if __name__ == "__main__":
    main(*sys.argv[1:])
