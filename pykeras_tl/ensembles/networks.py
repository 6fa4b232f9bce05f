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
    """Trains networks on tables of files; give it to `bag`, `boost` and the others.

    Args:
        build: Makes a compiled network from a seed.
        class_names: The classes, in the order of the network's outputs.
        target_size: Height and width of the images, in pixels.
        epochs: How long each member is trained.
        batch_size: Images a step.
        generator: How images are scaled and augmented; scaled by 1/255 when None.

    Example:
        >>> NetworkTrainer(build=lambda seed: None, class_names=["no", "yes"]).epochs
        10
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
            table: Images with the columns `filename` and `class`, and `weight` where they
                weigh differently.
            seed: Of the weights, the order and the augmentation.

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
            )

        fit(
            model,
            flow(table, "weight" if "weight" in table else None, True),
            epochs=self.epochs,
            verbose=0,
        )
        return lambda rows: predict_flow(model, flow(rows, None, False))
