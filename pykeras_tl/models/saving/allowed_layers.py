"""Allow-list of the classes that a saved architecture may contain.

They are layers that compute and cannot run code from the file. A class is recognized by the name
that it is registered or published under, never by the module that happened to define it: modules
move, in this package and in Keras, and a saved classifier has to outlive that.
"""

from __future__ import annotations

from typing import Any

import keras

from ..inference_batch_norm import InferenceBatchNormalization
from ..input_scaling import InputScaling
from ..keras_internals import APPLICATION_LAYERS, FUNCTIONAL_MODULES, OPERATION_MODULES
from .keras2.activations import HARD_SIGMOID

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
# Layers that other models than image classifiers need.
_SEQUENCE_LAYERS = """
    AdditiveAttention Attention Bidirectional ConvLSTM1D ConvLSTM2D ConvLSTM3D Embedding GRU GRUCell
    GroupQueryAttention LSTM LSTMCell RNN SimpleRNN SimpleRNNCell StackedRNNCells TimeDistributed
"""
_INITIALIZERS = """
    Constant GlorotNormal GlorotUniform HeNormal HeUniform Identity LecunNormal LecunUniform Ones
    Orthogonal RandomNormal RandomUniform TruncatedNormal VarianceScaling Zeros
"""
# Operations of Keras, which files name like layers.
OPERATIONS = frozenset((
    "Absolute", "Add", "Clip", "Divide", "Flip", "Maximum", "Mean", "Minimum", "Multiply",
    "Negative", "Power", "Sqrt", "Square", "Subtract", "TrueDivide",
))  # fmt: skip
_TENSOR = "__keras_tensor__"

_PUBLIC: dict[str, set[str]] = {
    "keras": {"Sequential", "DTypePolicy"},
    "keras.layers": set((_LAYERS + _SEQUENCE_LAYERS).split()),
    "keras.initializers": set(_INITIALIZERS.split()),
    "keras.regularizers": {"L1", "L2", "L1L2", "OrthogonalRegularizer"},
    "keras.constraints": {"MaxNorm", "MinMaxNorm", "NonNeg", "UnitNorm"},
}
# Classes without a public name: files name Keras's private module of the time.
_PRIVATE: tuple[tuple[set[str], tuple[str, ...]], ...] = (
    ({"Functional"}, FUNCTIONAL_MODULES),
    (set(OPERATIONS), OPERATION_MODULES),
)
_CUSTOM = (*APPLICATION_LAYERS, InferenceBatchNormalization, InputScaling)


def custom_layers() -> dict[str, type[keras.Layer]]:
    """Return the allowed layers that Keras cannot find by itself, as `custom_objects`.

    Returns:
        The classes by the names under which they are saved.

    Example:
        >>> sorted(custom_layers())[-1]
        'pykeras_tl>InputScaling'
    """
    return {keras.saving.get_registered_name(layer): layer for layer in _CUSTOM}


def allowed_names() -> set[str]:
    """Return the names of the allowed classes, for older files that name no module.

    Returns:
        Class names.

    Example:
        >>> "Dense" in allowed_names(), "Lambda" in allowed_names()
        (True, False)
    """
    names = set().union(*_PUBLIC.values(), *(classes for classes, _ in _PRIVATE))
    # Older files write tuples and models under these names.
    return {"__tuple__", _TENSOR, "Model", *custom_layers(), *names}


def disallowed_object(described: dict[str, Any]) -> str | None:
    """Check one object of a saved architecture against the allow-list.

    Args:
        described: The object as saved: its module, class, registered name and config.

    Returns:
        None when it is allowed; otherwise its name, for the error message.

    Example:
        >>> disallowed_object({"module": "keras.layers", "class_name": "Lambda", "config": {}})
        'keras.layers.Lambda'
    """
    module, name = described.get("module"), described.get("class_name")
    registered = described.get("registered_name")
    if name == _TENSOR and module is None and registered is None:
        return None
    if {**described, **HARD_SIGMOID} == described:
        return None
    custom = custom_layers().get(registered) if isinstance(registered, str) else None
    if custom is not None:
        # Keras finds the class by its registered name and ignores the module.
        return None if name == custom.__name__ else f"{module}.{name} registered as {registered}"
    allowed = isinstance(module, str) and isinstance(name, str) and _is_allowed(module, name)
    return None if allowed and registered in (None, name) else f"{module}.{name}"


def update_modules(described: Any) -> None:
    """Replace the private Keras modules that an architecture names by today's.

    Keras imports the module that a file names, so a file written before Keras moved a class could
    not be read otherwise.

    Args:
        described: A saved architecture, changed in place.

    Example:
        >>> described = {"class_name": "Functional", "module": "keras.src.models.functional"}
        >>> update_modules(described)
        >>> described["module"] == FUNCTIONAL_MODULES[0]
        True
    """
    for item in described.values() if isinstance(described, dict) else described:
        if isinstance(item, (dict, list)):
            update_modules(item)
    if isinstance(described, dict):
        for classes, modules in _PRIVATE:
            if described.get("module") in modules and described.get("class_name") in classes:
                described["module"] = modules[0]


def _is_allowed(module: str, name: str) -> bool:
    return name in _PUBLIC.get(module, ()) or any(
        name in classes and module in modules for classes, modules in _PRIVATE
    )
