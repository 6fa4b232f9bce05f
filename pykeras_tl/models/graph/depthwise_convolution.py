"""Depthwise convolution on TensorFlow, with the faster of its two gradients of large kernels.

On CPUs, TensorFlow leaves convolutions to oneDNN, which is the faster for all but one operation:
the gradient of a depthwise kernel of 5 × 5 and more takes it twice as long as it takes TensorFlow's
own code, which TensorFlow uses where paddings are given as numbers.
"""

from __future__ import annotations

from typing import Any

import keras

# Up to this size oneDNN is as fast or faster.
_SMALL = 3


def depthwise_convolution(
    inputs: Any,
    kernel: Any,
    strides: tuple[int, int],
    padding: str,
    dilation_rate: tuple[int, int],
) -> Any:
    """Compute a depthwise convolution of channels-last images.

    Args:
        inputs: `(batch, height, width, channels)`.
        kernel: `(height, width, channels, multiplier)`.
        strides: Steps down and to the right, in pixels.
        padding: `"same"` or `"valid"`.
        dilation_rate: Distances of the kernel's elements, in pixels.

    Returns:
        `(batch, height, width, channels * multiplier)`, as `keras.ops.depthwise_conv` gives.

    Example:
        >>> images, kernel = keras.ops.ones((1, 6, 6, 2)), keras.ops.ones((5, 5, 2, 1))
        >>> tuple(depthwise_convolution(images, kernel, (1, 1), "valid", (1, 1)).shape)
        (1, 2, 2, 2)
    """
    import tensorflow as tf

    sides, window = inputs.shape[1:3], kernel.shape[:2]
    if max(window) <= _SMALL or None in sides or tuple(dilation_rate) != (1, 1):
        return keras.ops.depthwise_conv(
            inputs, kernel, strides, padding, "channels_last", dilation_rate
        )
    steps = [1, *strides, 1]
    paddings = [0, 0, 0, 0, 0, 0, 0, 0]
    if padding == "same":
        for axis, (side, size, step) in enumerate(zip(sides, window, strides)):
            missing = max((-(-side // step) - 1) * step + size - side, 0)
            paddings[2 + 2 * axis : 4 + 2 * axis] = [missing // 2, missing - missing // 2]

    @tf.custom_gradient
    def convolve(inputs: Any, kernel: Any) -> Any:
        def gradients(upstream: Any) -> tuple[Any, Any]:
            of_inputs = tf.raw_ops.DepthwiseConv2dNativeBackpropInput(
                input_sizes=tf.shape(inputs),
                filter=kernel,
                out_backprop=upstream,
                strides=steps,
                padding=padding.upper(),
            )
            of_kernel = tf.raw_ops.DepthwiseConv2dNativeBackpropFilter(
                input=inputs,
                filter_sizes=kernel.shape,
                out_backprop=upstream,
                strides=steps,
                padding="EXPLICIT",
                explicit_paddings=paddings,
            )
            return of_inputs, of_kernel

        return tf.nn.depthwise_conv2d(inputs, kernel, steps, padding.upper()), gradients

    return convolve(inputs, kernel)
