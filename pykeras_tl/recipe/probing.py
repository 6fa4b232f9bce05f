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
from ..studies.image_groups import groups_of
from ..training.data_adapter import DerivedBatches
from ..training.linear_probe import REGULARIZATION, ProbeData, choose_probe, probe_data
from .speed import Speed, measure_speed

if TYPE_CHECKING:
    from ..images.iterators.base import Iterator

# How images are resized.
INTERPOLATION = "bilinear"
_logger = logging.getLogger(__name__)
# A probe that loses no more than this much probability, or no more than so many standard errors,
# takes turned images as well as upright ones.
_TOLERANCE, _STANDARD_ERRORS = 0.02, 2


@dataclass(frozen=True)
class TurningCost:
    """What a probe loses if images are upside down.

    Attributes:
        mean: The probability of the true class that is lost, on average over the groups of images.
        error: Its standard error; NaN for one group, of which nothing is known.
    """

    mean: float
    error: float

    @property
    def is_clear(self) -> bool:
        """Whether upside down, the images show something else, as faces do and cells do not."""
        return self.mean > _TOLERANCE and self.mean > _STANDARD_ERRORS * self.error


def turning_cost(upright: np.ndarray, turned: np.ndarray, table: pd.DataFrame) -> TurningCost:
    """Compare a probe on images with the same images upside down.

    Probabilities tell more than right and wrong: of few images, two or three of which the class
    changes by chance would decide.

    Args:
        upright: How right the probe is about each image, such as the probability of its class,
            shape (images,).
        turned: How right it is about the same images, upside down.
        table: The images, with the column `group` or `original` if there are groups.

    Returns:
        What is lost.

    Example:
        >>> cost = turning_cost(np.array([0.9, 0.8]), np.array([0.5, 0.2]), pd.DataFrame())
        >>> round(cost.mean, 2), round(cost.error, 2), cost.is_clear
        (0.5, 0.1, True)
    """
    lost = pd.Series(np.asarray(upright, "float64") - turned)
    groups, _ = groups_of(table)
    if groups is not None:
        lost = lost.groupby(groups).mean()
    return TurningCost(float(lost.mean()), float(lost.std()) / len(lost) ** 0.5)


@dataclass(frozen=True)
class ProbeResult:
    """How a frozen backbone does on the images.

    Attributes:
        backbone: Its name.
        size: Height and width of the images in pixels.
        accuracy: On the validation images that were looked at, 0..1; or what takes its place.
        loss: Cross-entropy on them, or what is minimized in its place.
        turned_accuracy: The accuracy on the same images, upside down.
        turning: What is lost upside down.
        speed: The seconds that one image takes.
        measure: What `accuracy` is.
        shortfall: What 1 - `accuracy` is, as a sentence about the network.
    """

    backbone: str
    size: tuple[int, int]
    accuracy: float
    loss: float
    turned_accuracy: float
    turning: TurningCost
    speed: Speed
    measure: str = "accuracy"
    shortfall: str = "makes {:.1%} mistakes"

    @property
    def short_of(self) -> str:
        """Return how far from perfect the network is, in words."""
        return self.shortfall.format(1 - self.accuracy)

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
    upright = probe.predict(validation.features)
    outputs = probe.predict(probe_data(extractor, UpsideDown(flows[1])).features)
    result = ProbeResult(
        backbone,
        size,
        float(chosen["accuracy"]),
        float(chosen["loss"]),
        float(np.mean(outputs.argmax(axis=1) == validation.classes)),
        turning_cost(_of_class(upright, validation), _of_class(outputs, validation), sample[1]),
        speed,
    )
    _logger.info("%s.", result.describe())
    return result


def _of_class(probabilities: np.ndarray, data: ProbeData) -> np.ndarray:
    return probabilities[np.arange(len(probabilities)), data.classes]


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
