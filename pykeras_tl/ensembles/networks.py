"""Networks as members of an ensemble."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from ..evaluation.predictions import predict_flow
from ..images.image_data_generator import ImageDataGenerator
from .members import Member

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class NetworkTrainer:
    """Trains networks on tables of files; a trainer for `bag`, `boost` and `cross_fit`.

    Args:
        build: Function of a seed that returns a compiled model.
        class_names: The classes, in the order of the model's outputs.
        target_size: Height and width of the images, in pixels.
        epochs: Training epochs of each member.
        batch_size: Images per batch.
        generator: How images are scaled and augmented; by default, scaled by 1/255.

    Example:
        >>> import keras
        >>> def build(seed):
        ...     keras.utils.set_random_seed(seed)
        ...     model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten()])
        ...     model.add(keras.layers.Dense(2, activation="softmax"))
        ...     model.compile("adam", "categorical_crossentropy")
        ...     return model
        >>> trainer = NetworkTrainer(build, ["cat", "dog"], target_size=(8, 8), epochs=1)
        >>> trainer.build(seed=1).output_shape
        (None, 2)

        Then `bag(trainer, table, count=5)` trains five networks.
    """

    build: Callable[[int], keras.Model]
    class_names: Sequence[str]
    target_size: tuple[int, int] = (32, 32)
    epochs: int = 10
    batch_size: int = 32
    generator: ImageDataGenerator | None = None

    def __call__(self, table: pd.DataFrame, seed: int) -> Member:
        """Train a member.

        Args:
            table: Images with the columns `filename`, `class` and optionally `weight`.
            seed: Seed of the model's weights, the order of images and the augmentation.

        Returns:
            The trained member.
        """
        from ..training import fit

        generator = self.generator or ImageDataGenerator(rescale=1 / 255)
        model = self.build(seed)

        def flow(rows: pd.DataFrame, weight: str | None, shuffle: bool):  # type: ignore[no-untyped-def]
            return generator.flow_from_dataframe(
                rows,
                target_size=self.target_size,
                classes=list(self.class_names),
                weight_col=weight,
                batch_size=self.batch_size,
                shuffle=shuffle,
                seed=seed,
                formats="all",
            )

        fit(
            model,
            flow(table, "weight" if "weight" in table else None, True),
            epochs=self.epochs,
            verbose=0,
        )
        return lambda rows: predict_flow(model, flow(rows, None, False))
