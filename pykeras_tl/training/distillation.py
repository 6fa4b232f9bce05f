"""Labels of training batches by a teacher: what another model predicts for the same images."""

from __future__ import annotations

import hashlib
import threading

import keras
import numpy as np

from ..images.iterators.base import Iterator
from ..models.graph.inference_model import inference_model
from .batch_augmentation import BatchAugmenter, has_one_hot_labels


class Teacher:
    """Replaces the labels of a batch by what a model predicts for its images, as augmented.

    Args:
        model: The teacher. It takes what the trained model takes, and has as many outputs.
        augmenter: What is done to the images before, as by `BatchAugmenter`, or None.

    Example:
        >>> model = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Flatten(),
        ...                           keras.layers.Dense(2, activation="softmax")])
        >>> images, labels = np.zeros((5, 4, 4, 3), "float32"), np.eye(2)[[0, 1, 0, 1, 0]]
        >>> Teacher(model)(images, labels, seed=0)[1].tolist()[0]
        [0.5, 0.5]

    Source:
        Beyer et al., Knowledge distillation: A good teacher is patient and consistent, 2022:
        teacher and student see the same augmented images. Hinton et al., Distilling the
        Knowledge in a Neural Network, 2015.
    """

    def __init__(self, model: keras.Model, augmenter: BatchAugmenter | None = None) -> None:
        self._model = model
        self._predicting = inference_model(model)
        self._augmenter = augmenter
        # It uses all cores by itself, and Keras compiles it in the first call.
        self._turn = threading.Lock()

    def fingerprint(self) -> str:
        """Return what identifies the teacher and the augmentation, as text."""
        digest = hashlib.sha256()
        for weight in self._model.get_weights():
            digest.update(weight.tobytes())
        before = "" if self._augmenter is None else self._augmenter.fingerprint()
        return f"teacher {digest.hexdigest()} {before}"

    def __call__(
        self, images: np.ndarray, labels: np.ndarray, seed: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Label a batch.

        Args:
            images: Shape (batch, height, width, channels).
            labels: Shape (batch, classes); only the augmentation uses them.
            seed: Seeds the augmentation.

        Returns:
            The images, and the teacher's probabilities, of the shapes and types given.
        """
        if self._augmenter is not None:
            images, labels = self._augmenter(images, labels, seed)
        with self._turn:
            probabilities = self._predicting.predict_on_batch(images)
        return images, np.asarray(probabilities).astype(labels.dtype)


def make_teacher(
    teacher: keras.Model, model: keras.Model, flow: Iterator, augmenter: BatchAugmenter | None
) -> Teacher:
    """Make a teacher that suits a model and an iterator.

    Args:
        teacher: The model that labels images.
        model: The model that learns from it.
        flow: The images to learn from.
        augmenter: As for `Teacher`.

    Returns:
        The teacher.

    Raises:
        ValueError: When the models have different inputs or outputs, or the labels are no
            probabilities of classes.
    """
    for name, theirs, ours in (
        ("input", teacher.input_shape, model.input_shape),
        ("output", teacher.output_shape, model.output_shape),
    ):
        if len(theirs) != len(ours) or any(a != b for a, b in zip(theirs, ours) if a and b):
            raise ValueError(
                f"Expected a teacher with the {name} of the model that learns from it, {ours}. "
                f"Received: {theirs}."
            )
    if not has_one_hot_labels(flow):
        raise ValueError(
            "Expected one-hot labels, since a teacher gives the probability of each class. "
            f"Received: class_mode={flow.class_mode!r}. Make the flow with "
            'class_mode="categorical".'
        )
    return Teacher(teacher, augmenter)
