"""Augmentation by Keras's operations, on the device that trains."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from ...images.transforms.affine_matrices import compose_flip
from ...images.transforms.sampling import TransformParams
from ...images.transforms.scipy_warp import coordinates, grid, out_of_bounds

FILL_MODES = ("nearest", "reflect", "constant")


def transform_inputs(
    params: TransformParams, shape: tuple[int, ...], constant: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the random transforms of a batch as the arrays that `AugmentationLayer` takes.

    Coordinates in the source are sums of a number for the row and one for the column of the
    result. Each is split into its integer and its fraction, so that the sums are accurate in
    single precision in images of any size.

    Args:
        params: The transforms of the batch, as `sample_batch_params` returns them.
        shape: Height, width and channels of the images.
        constant: Whether points outside the image are filled with a constant.

    Returns:
        For each row, shape (images, height, 6), and for each column, shape (images, width, 4):
        integer and fraction of the row in the source, then of the column; for each row also the
        first column that is inside the source, and the first after it that is not. And shape
        (images, 1): what is added to the values.

    Example:
        >>> from pykeras_tl.images import ImageDataGenerator
        >>> from pykeras_tl.images.transforms.sampling import rng, sample_batch_params
        >>> settings = ImageDataGenerator(rotation_range=10)
        >>> params = sample_batch_params(settings, 4, 5, 2, rng(0))
        >>> [array.shape for array in transform_inputs(params, (4, 5, 3), False)]
        [(2, 4, 6), (2, 5, 4), (2, 1)]
    """
    height, width = shape[:2]
    flips = [params.parameters["flip_vertical"], params.parameters["flip_horizontal"]]
    rows, columns = grid(height, width)
    down = np.empty((len(params.matrices), height, 6), np.float32)
    across = np.empty((len(params.matrices), width, 4), np.float32)
    for index, matrix in enumerate(params.matrices):
        vertical, horizontal = (bool(flip is not None and flip[index]) for flip in flips)
        matrix = compose_flip(matrix, height, width, vertical, horizontal)
        for axis, (of_row, of_column, origin) in enumerate(matrix):
            down[index, :, 2 * axis : 2 * axis + 2] = _split(origin + rows[:, 0] * of_row)
            across[index, :, 2 * axis : 2 * axis + 2] = _split(columns[0] * of_column)
        down[index, :, 4], down[index, :, 5] = 0, width
        if constant:
            # Whether a point is just inside or outside is a matter of the last digit.
            inside = ~out_of_bounds(*coordinates(matrix, rows, columns), height, width)
            down[index, :, 4] = np.where(inside.any(1), inside.argmax(1), width)
            down[index, :, 5] = width - inside[:, ::-1].argmax(1)
    intensity = params.parameters["channel_shift_intensity"]
    added = np.zeros(len(down)) if intensity is None else intensity
    return down, across, added.astype(np.float32)[:, None]


def unchanged(count: int, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the arrays with which `AugmentationLayer` changes nothing.

    Args:
        count: Number of images.
        shape: Height, width and channels of the images.

    Returns:
        As `transform_inputs`.
    """
    identity = np.tile(np.eye(2, 3), (count, 1, 1))
    none: dict[str, Any] = dict.fromkeys(
        ("flip_vertical", "flip_horizontal", "channel_shift_intensity")
    )
    return transform_inputs(TransformParams(none, identity, np.zeros(count, bool)), shape, False)


def _split(values: np.ndarray) -> np.ndarray:
    whole = np.floor(values)
    return np.stack([whole, values - whole], axis=-1)


@keras.saving.register_keras_serializable(package="pykeras_tl")
class AugmentationLayer(keras.layers.Layer):
    """Warps, flips and shifts the colors of images as `ImageDataGenerator` does.

    Values are within 0.01 of the generator's for pixels in 0..255.

    Args:
        fill_mode: How points outside the image are filled: "nearest", "reflect" or "constant".
        cval: Their value for "constant".

    Example:
        >>> from pykeras_tl.images import ImageDataGenerator
        >>> images = np.arange(60, dtype=np.uint8).reshape(1, 4, 5, 3)
        >>> flow = ImageDataGenerator(rotation_range=30).flow(images, seed=1)
        >>> spec = flow.next_batch_spec()
        >>> inputs = transform_inputs(spec.transforms, (4, 5, 3), False)
        >>> x = AugmentationLayer()([images, *inputs])
        >>> bool(np.abs(keras.ops.convert_to_numpy(x) - flow.compute_batch(spec)).max() < 0.01)
        True
    """

    def __init__(self, fill_mode: str = "nearest", cval: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})
        self.fill_mode = fill_mode
        self.cval = cval

    def call(self, inputs: Any) -> Any:
        """Return the augmented images.

        Args:
            inputs: Images of shape (images, height, width, channels), and what
                `transform_inputs` returns.

        Returns:
            float32 of the shape of the images.
        """
        images, down, across, added = inputs
        _, height, width, channels = images.shape
        row, below = _positions(down[:, :, None, 0:2], across[:, None, :, 0:2])
        column, right = _positions(down[:, :, None, 2:4], across[:, None, :, 2:4])
        pixels = ops.reshape(ops.cast(images, "float32"), (-1, height * width, channels))

        def sample(rows: Any, columns: Any) -> Any:
            places = self._fold(rows, height) * width + self._fold(columns, width)
            found = ops.take_along_axis(
                pixels, ops.reshape(places, (-1, height * width, 1)), axis=1
            )
            return ops.reshape(found, (-1, height, width, channels))

        above, left = 1 - below, 1 - right
        x = sample(row, column) * above * left
        x += sample(row, column + 1) * above * right
        x += sample(row + 1, column) * below * left
        x += sample(row + 1, column + 1) * below * right
        if self.fill_mode == "constant":
            numbers = ops.arange(width, dtype="float32")[None, None]
            inside = (numbers >= down[:, :, 4:5]) & (numbers < down[:, :, 5:6])
            x = ops.where(inside[..., None], x, ops.cast(self.cval, "float32"))
        lowest = ops.min(x, axis=(1, 2, 3), keepdims=True)
        highest = ops.max(x, axis=(1, 2, 3), keepdims=True)
        return ops.clip(x + added[:, :, None, None], lowest, highest)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the images."""
        return input_shape[0]

    def get_config(self) -> dict[str, Any]:
        """Return the arguments."""
        return {**super().get_config(), "fill_mode": self.fill_mode, "cval": self.cval}

    def _fold(self, positions: Any, length: int) -> Any:
        """Return the pixels that stand for those outside of the image."""
        if self.fill_mode == "reflect":
            positions = ops.mod(positions, 2 * length)
            return ops.where(positions < length, positions, 2 * length - 1 - positions)
        return ops.clip(positions, 0, length - 1)


def _positions(down: Any, across: Any) -> tuple[Any, Any]:
    """Add integers and fractions: the pixel before a position, and how far it is from there."""
    fraction = down[..., 1] + across[..., 1]
    carried = ops.floor(fraction)
    whole = ops.cast(down[..., 0] + across[..., 0] + carried, "int32")
    return whole, (fraction - carried)[..., None]
