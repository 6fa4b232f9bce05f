"""Allow-list of the classes that a saved architecture may contain.

They are layers that compute, and run no code of the file's.
"""

from __future__ import annotations

from typing import Any

import keras

from ..inference_batch_norm import InferenceBatchNormalization
from ..input_scaling import InputScaling
from ..keras_internals import APPLICATION_LAYERS, FUNCTIONAL_MODULES, OPERATION_MODULES

_LAYERS = """
    Activation ActivityRegularization Add AlphaDropout Average AveragePooling1D AveragePooling2D
    AveragePooling3D BatchNormalization CenterCrop Concatenate Conv1D Conv1DTranspose Conv2D
    Conv2DTranspose Conv3D Conv3DTranspose Cropping1D Cropping2D Cropping3D Dense DepthwiseConv1D
    DepthwiseConv2D Dot Dropout ELU EinsumDense Flatten GaussianDropout GaussianNoise
    GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D GlobalMaxPooling1D
    GlobalMaxPooling2D GlobalMaxPooling3D GroupNormalization Identity InputLayer
    LayerNormalization LeakyReLU Masking MaxPooling1D MaxPooling2D MaxPooling3D Maximum Minimum
    Multiply MultiHeadAttention Normalization PReLU Permute RandomBrightness RandomContrast
    RandomCrop RandomFlip RandomRotation RandomTranslation RandomZoom ReLU RepeatVector Rescaling
    Reshape Resizing SeparableConv1D SeparableConv2D Softmax SpatialDropout1D SpatialDropout2D
    SpatialDropout3D Subtract UnitNormalization UpSampling1D UpSampling2D UpSampling3D
    ZeroPadding1D ZeroPadding2D ZeroPadding3D
"""
# What a classifier of images has no use for, and other models do.
_SEQUENCES = """
    AdditiveAttention Attention Bidirectional ConvLSTM1D ConvLSTM2D ConvLSTM3D Embedding GRU GRUCell
    GroupQueryAttention LSTM LSTMCell RNN SimpleRNN SimpleRNNCell StackedRNNCells TimeDistributed
"""
_INITIALIZERS = """
    Constant GlorotNormal GlorotUniform HeNormal HeUniform Identity LecunNormal LecunUniform Ones
    Orthogonal RandomNormal RandomUniform TruncatedNormal VarianceScaling Zeros
"""
_OPERATIONS = "Add Clip Divide Maximum Mean Minimum Multiply Negative Power Subtract TrueDivide"
_TENSOR = "__keras_tensor__"

_KNOWN: dict[str, set[str]] = {
    "keras": {"Sequential", "DTypePolicy"},
    "keras.layers": set((_LAYERS + _SEQUENCES).split()),
    "keras.initializers": set(_INITIALIZERS.split()),
    "keras.regularizers": {"L1", "L2", "L1L2", "OrthogonalRegularizer"},
    "keras.constraints": {"MaxNorm", "MinMaxNorm", "NonNeg", "UnitNorm"},
    **{module: {"Functional"} for module in FUNCTIONAL_MODULES},
    **{module: set(_OPERATIONS.split()) for module in OPERATION_MODULES},
}
_CUSTOM = (*APPLICATION_LAYERS, InferenceBatchNormalization, InputScaling)


def custom_layers() -> dict[str, type[keras.Layer]]:
    """Give the known layers that Keras has to be told of.

    Returns:
        The classes by the names under which they are saved.

    Example:
        >>> sorted(custom_layers())[-1]
        'pykeras_tl>InputScaling'
    """
    return {keras.saving.get_registered_name(each): each for each in _CUSTOM}


def allowed_names() -> set[str]:
    """Give the known classes for files that tell no module, as those of older versions.

    Returns:
        Their names there.

    Example:
        >>> "Dense" in allowed_names(), "Lambda" in allowed_names()
        (True, False)
    """
    # Older files write tuples and models so.
    return {"__tuple__", _TENSOR, "Model", *custom_layers(), *set().union(*_KNOWN.values())}


def disallowed_object(described: dict[str, Any]) -> str | None:
    """Look whether an object in a saved architecture is a known one.

    Args:
        described: The object as saved: its module, class, registered name and settings.

    Returns:
        None when it is known; else what it is called there.

    Example:
        >>> disallowed_object({"module": "keras.layers", "class_name": "Lambda", "config": {}})
        'keras.layers.Lambda'
    """
    module, name = described.get("module"), described.get("class_name")
    registered = described.get("registered_name")
    if name == _TENSOR and module is None and registered is None:
        return None
    custom = custom_layers().get(registered) if isinstance(registered, str) else None
    if custom is not None:
        # Keras finds it by its registered name; the module that wrote it may since have moved.
        return None if name == custom.__name__ else f"{module}.{name} registered as {registered}"
    known = isinstance(module, str) and isinstance(name, str) and name in _KNOWN.get(module, ())
    return None if known and registered in (None, name) else f"{module}.{name}"
