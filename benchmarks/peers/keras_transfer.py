"""Transfer learning as Keras's guide writes it, on the same backbone.

The head is trained on the frozen network, then the whole network with a hundredth of the rate.
https://keras.io/guides/transfer_learning/
"""

import sys
from typing import Any

import keras

from pykeras_tl.models.backbones.efficientnet_lite import EfficientNetLite

folder, size, epochs = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])


def images(part: str, shuffle: bool) -> Any:
    return keras.utils.image_dataset_from_directory(
        f"{folder}/{part}", image_size=(size, size), label_mode="categorical", shuffle=shuffle
    )


training, validation = images("train", True), images("validation", False)
classes = len(training.class_names)
augmentation = keras.Sequential(
    [keras.layers.RandomFlip("horizontal"), keras.layers.RandomRotation(0.1)]
)
training = training.map(lambda x, y: (augmentation(x, training=True), y)).prefetch(8)
validation = validation.prefetch(8)

base = EfficientNetLite(0, weights="imagenet", input_shape=(size, size, 3))
base.trainable = False
inputs = keras.Input((size, size, 3))
outputs = base(keras.layers.Rescaling(1 / 128, offset=-127 / 128)(inputs), training=False)
outputs = keras.layers.GlobalAveragePooling2D()(outputs)
outputs = keras.layers.Dropout(0.2)(outputs)
outputs = keras.layers.Dense(classes, activation="softmax")(outputs)
model = keras.Model(inputs, outputs)
for rate in (1e-3, 1e-5):
    model.compile(keras.optimizers.Adam(rate), "categorical_crossentropy", metrics=["accuracy"])
    model.fit(training, validation_data=validation, epochs=epochs, verbose=2)
    base.trainable = True
