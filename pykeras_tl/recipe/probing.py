"""Tries a frozen backbone on some of the images: a few seconds say what hours will not change."""

from __future__ import annotations

import io
import logging
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pandas as pd

from ..images.decoding.value_range import DtypeRange
from ..models.transfer import transfer_model
from ..training.data_adapter import DerivedBatches
from ..training.linear_probe import REGULARIZATION, ProbeData, choose_probe, probe_data
from .speed import Speed, measure_speed

if TYPE_CHECKING:
    from ..images.iterators.base import Iterator

# How images are resized.
INTERPOLATION = "bilinear"
_logger = logging.getLogger(__name__)
# Images may be turned over if the probe takes turned ones as well as upright ones, within this.
_TOLERANCE = 0.02


@dataclass(frozen=True)
class ProbeResult:
    """How a frozen backbone does on the images.

    Attributes:
        backbone: Its name.
        size: Height and width of the images in pixels.
        accuracy: On the validation images that were looked at, 0..1; or what takes its place.
        loss: Cross-entropy on them, or what is minimized in its place.
        turned_accuracy: The accuracy on the same images, upside down.
        speed: The seconds that one image takes.
        measure: What `accuracy` is.
        shortfall: What 1 - `accuracy` is, as a sentence about the network.
    """

    backbone: str
    size: tuple[int, int]
    accuracy: float
    loss: float
    turned_accuracy: float
    speed: Speed
    measure: str = "accuracy"
    shortfall: str = "makes {:.1%} mistakes"

    @property
    def short_of(self) -> str:
        """Return how far from perfect the network is, in words."""
        return self.shortfall.format(1 - self.accuracy)

    @property
    def may_be_turned(self) -> bool:
        """Whether the images show the same upside down, as cells do and faces do not."""
        return self.turned_accuracy >= self.accuracy - _TOLERANCE

    def describe(self) -> str:
        """Return the result as a line."""
        height, width = self.size
        return (
            f"{self.backbone}, frozen, at {height} × {width}: {self.measure} {self.accuracy:.3f} "
            f"({self.turned_accuracy:.3f} upside down), {1 / self.speed.forward:.0f} images/s"
        )


def probe_backbone(
    backbone: str,
    size: tuple[int, int],
    sample: tuple[pd.DataFrame, pd.DataFrame],
    classes: list[str],
    weights: str | None,
    dtype_range: DtypeRange = None,
) -> ProbeResult:
    """Fit a linear classifier on a frozen backbone and judge it on validation images.

    Args:
        backbone: Its name.
        size: Height and width of the images in pixels.
        sample: As `probe_sample` returns it.
        classes: All classes.
        weights: The backbone's weights, as for `transfer_model`.
        dtype_range: The range of values in the files, as in `read_image`.

    Returns:
        The result.
    """
    model = transfer_model(backbone, len(classes), input_shape=(*size, 3), weights=weights)
    flows = [image_flow(table, size, classes, dtype_range) for table in sample]
    speed = measure_speed(model, backbone, flows[0])
    extractor = keras.Model(model.inputs, model.layers[-1].input)
    training, validation = (probe_data(extractor, flow) for flow in flows)
    table, probe = choose_probe(training, validation, REGULARIZATION, len(classes))
    chosen = table[table["chosen"]].iloc[0]
    turned = probe_data(extractor, UpsideDown(flows[1]))
    result = ProbeResult(
        backbone,
        size,
        float(chosen["accuracy"]),
        float(chosen["loss"]),
        _accuracy(probe.predict(turned.features), turned),
        speed,
    )
    _logger.info("%s.", result.describe())
    return result


def _accuracy(probabilities: np.ndarray, data: ProbeData) -> float:
    return float(np.mean(probabilities.argmax(axis=1) == data.classes))


def image_flow(
    table: pd.DataFrame, size: tuple[int, int], classes: list[str], dtype_range: DtypeRange = None
) -> Iterator:
    """Make the flow of images that a probe looks at, and that planned trainings read alike.

    Args:
        table: The images, with the columns `filename` and `class`.
        size: Height and width in pixels.
        classes: All classes.
        dtype_range: The range of values in the files, as in `read_image`.

    Returns:
        A flow in the table's order.
    """
    from ..images.image_data_generator import ImageDataGenerator

    # Without the line, as in Keras, that says how many files were found.
    with redirect_stdout(io.StringIO()):
        return ImageDataGenerator().flow_from_dataframe(
            table,
            target_size=size,
            classes=classes,
            shuffle=False,
            interpolation=INTERPOLATION,
            formats="all",
            dtype_range=dtype_range,
        )


class UpsideDown(DerivedBatches):
    """The batches of an iterator with each image upside down."""

    def compute_batch(self, spec: Any) -> tuple[np.ndarray, np.ndarray]:
        """Compute a batch, as the iterator does, and turn its images."""
        x, y = self.iterator.compute_batch(spec)
        return x[:, ::-1, ::-1], y
