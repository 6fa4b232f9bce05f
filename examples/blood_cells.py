"""The blood-cell study, from folders of images to a fine-tuned VGG16.

    python examples/blood_cells.py [DATA] [EPOCHS] [WEIGHTS]

DATA is a folder with TRAIN, TEST_SIMPLE and TEST, each with one folder per class; without it,
synthetic cells are generated. The study trained for 30 epochs. WEIGHTS is "imagenet", the path of
a file of VGG16's weights without its classifier, or "none". `examples/blood_cells.R` does the same
in R.
"""

import sys
from pathlib import Path

import keras
from keras import layers

from pykeras_tl import ImageDataGenerator, evaluate_classifier, unfreeze_weights
from pykeras_tl.images import Iterator, generate_blood_cells
from pykeras_tl.models import build_backbone
from pykeras_tl.models.networks import blood_cells
from pykeras_tl.training import fit, make_optimizer

SIZE = (150, 150)


def train(
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    flow: Iterator,
    validation: Iterator,
    epochs: int,
    max_steps: float = float("inf"),
) -> None:
    model.compile(optimizer, loss="categorical_crossentropy", metrics=["accuracy"])
    print(f"{len(model.trainable_weights)} trainable weights")
    history = fit(
        model,
        flow,
        epochs=epochs,
        steps_per_epoch=min(max_steps, flow.n / flow.batch_size),
        validation_data=validation,
        verbose=2,
    )
    print(history.to_frame().tail(4).to_string(index=False))


def main(data: str = "synthetic-cells", epochs: str = "4", weights: str = "imagenet") -> None:
    folder = Path(data)
    if data == "synthetic-cells":
        generate_blood_cells(folder, train=150, test=25, test_simple=10, seed=1)
    keras.utils.set_random_seed(42)

    plain = ImageDataGenerator(rescale=1 / 255)
    train_flow = plain.flow_from_directory(
        folder / "TRAIN", target_size=SIZE, batch_size=50, seed=42
    )
    validation = plain.flow_from_directory(
        folder / "TEST_SIMPLE", target_size=SIZE, batch_size=20, shuffle=False
    )
    test = plain.flow_from_directory(
        folder / "TEST", target_size=SIZE, batch_size=50, shuffle=False
    )

    # The first network.
    model = blood_cells.version_1()
    model.summary()
    train(model, make_optimizer("rmsprop"), train_flow, validation, int(epochs))
    result = evaluate_classifier(model, test)
    print(f"accuracy on TEST ({result.size}): {result.accuracy:.3f}")

    # The second network, with augmented images.
    augmented = ImageDataGenerator(
        rescale=1 / 255,
        rotation_range=10,
        width_shift_range=0.3,
        height_shift_range=0.3,
        shear_range=0.3,
        zoom_range=0.2,
        horizontal_flip=True,
        fill_mode="nearest",
    ).flow_from_directory(folder / "TRAIN", target_size=SIZE, batch_size=20, seed=42)
    model = blood_cells.version_2()
    optimizer = make_optimizer("adam", learning_rate=1e-4, decay=1e-6)
    train(model, optimizer, augmented, validation, int(epochs), max_steps=180)
    model.save("blood_cells_augmented.keras")

    # VGG16: the head first, then fine tuning from block5_conv1.
    conv_base = build_backbone("vgg16", (*SIZE, 3), weights=None if weights == "none" else weights)
    conv_base.trainable = False
    model = keras.Sequential(
        [
            conv_base,
            layers.Flatten(),
            layers.Dense(256, activation="relu"),
            layers.Dense(4, activation="softmax"),
        ]
    )
    train(model, make_optimizer("rmsprop", 2e-5), train_flow, validation, int(epochs))
    unfreeze_weights(conv_base, from_="block5_conv1")
    train(model, make_optimizer("rmsprop", 1e-5), train_flow, validation, int(epochs))

    # Evaluate it on the test images.
    result = evaluate_classifier(model, test)
    print(f"accuracy on TEST ({result.size}): {result.accuracy:.3f}")
    print(result.intervals.to_string(index=False))
    print(result.by_class.to_string(index=False))
    print(result.confusion.to_string())


if __name__ == "__main__":
    main(*sys.argv[1:])
