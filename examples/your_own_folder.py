"""A classifier from your own folder of images, with one subfolder per class.

    python examples/your_own_folder.py [FOLDER] [BACKBONE] [WEIGHTS] [UNFREEZE_FROM]

Without FOLDER, synthetic blood cells are generated. WEIGHTS is "imagenet" (downloaded once), the
path of a weights file, or "none". `examples/your_own_folder.R` does the same in R.
"""

import sys
from typing import Any

import keras

from pykeras_tl import (
    ImageDataGenerator,
    duplicate_groups,
    evaluate_classifier,
    transfer_model,
)
from pykeras_tl.images import Iterator, generate_blood_cells, list_images, split_fractions
from pykeras_tl.models import Classifier, load_classifier
from pykeras_tl.training import fine_tune, fit, make_optimizer

SIZE = (128, 128)


def main(
    folder: str = "synthetic-cells/TRAIN",
    backbone: str = "mobilenet_v2",
    weights: str = "imagenet",
    unfreeze_from: str | None = None,
) -> None:
    if folder == "synthetic-cells/TRAIN":
        generate_blood_cells("synthetic-cells", train=150, test=25, test_simple=10, seed=1)

    # 1. List the images, and split them into training, validation and test. Copies of one image
    # stay on one side.
    images = split_fractions(
        duplicate_groups(list_images(folder)),
        {"train": 0.6, "validation": 0.2, "test": 0.2},
        groups="group",
        seed=1,
    )
    print(images.groupby(["class", "split"]).size().unstack())

    # 2. Iterators over raw pixels: the model scales them itself.
    def flow(split: str, **options: Any) -> Iterator:
        return ImageDataGenerator().flow_from_dataframe(
            images[images["split"] == split],
            target_size=SIZE,
            batch_size=32,
            interpolation="bilinear",
            formats="all",
            **options,
        )

    train = flow("train", seed=1)
    validation, test = flow("validation", shuffle=False), flow("test", shuffle=False)

    # 3. A pretrained backbone with a new head.
    keras.utils.set_random_seed(1)
    model = transfer_model(
        backbone,
        classes=images["class"].nunique(),
        input_shape=(*SIZE, 3),
        dense=(64,),
        dropout=0.2,
        weights=None if weights == "none" else weights,
    )

    # 4. Train the head, and fine-tune the backbone if a layer to start from is given.
    if unfreeze_from is None:
        optimizer = make_optimizer("adam", learning_rate=1e-3)
        model.compile(optimizer, loss="categorical_crossentropy", metrics=["accuracy"])
        history = fit(model, train, epochs=15, validation_data=validation, verbose=2)
    else:
        history = fine_tune(
            model,
            train,
            unfreeze_from=unfreeze_from,
            epochs_head=10,
            epochs_fine=5,
            optimizer_head="adam",
            optimizer_fine="adam",
            validation_data=validation,
            verbose=2,
        )
    history.plot().savefig("my-history.png")

    # 5. Evaluate it on images that it has not seen.
    result = evaluate_classifier(model, test)
    low, high = result.intervals.loc[0, ["low", "high"]]
    print(f"accuracy on {result.size}: {result.accuracy:.3f} (95 %: {low:.3f} to {high:.3f})")
    print(result.by_class.to_string(index=False))
    result.save("my-evaluation")

    # 6. Save it with its class names, image size and scaling. R reads it too.
    Classifier.from_flow(model, train).save("my-classifier")

    # 7. Later, on any computer: predict the classes of files.
    print(load_classifier("my-classifier").predict(images["filename"].head(5).tolist()))


if __name__ == "__main__":
    main(*sys.argv[1:])
