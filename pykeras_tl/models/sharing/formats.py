"""The file formats of exported models: how each is written, described and run.

Each is run by its own runtime, so that what is compared is what users of the file will get.
"""

from __future__ import annotations

import contextlib
import io
import json
import warnings
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import keras
import numpy as np

from .exportable import INPUT, OUTPUT, exportable

# The description of the classifier inside a LiteRT file and a SavedModel.
DESCRIPTION = "classifier.json"
_LABELS = "labels.txt"


@dataclass(frozen=True)
class ExportFormat:
    """A file format.

    Attributes:
        keras_name: What Keras calls it.
        suffix: The end of the file's name; "" for a folder.
        packages: The modules that writing and running it need.
        describe: Writes the description of the classifier into the file.
        run: Runs the file on images.
    """

    keras_name: str
    suffix: str
    packages: tuple[str, ...]
    describe: Callable[[Path, Mapping[str, Any]], None]
    run: Callable[[Path, np.ndarray], np.ndarray]

    def require(self) -> None:
        """Check that the packages for this format are installed.

        Raises:
            ModuleNotFoundError: If one is not.
        """
        for name in self.packages:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    import_module(name)
            except ImportError as error:
                raise ModuleNotFoundError(
                    f"Expected the package {name.partition('.')[0]} for this format. Install it: "
                    'pip install "pykeras-tl[export]".'
                ) from error

    def write(self, model: keras.Model, path: Path) -> None:
        """Write a model.

        Args:
            model: From images to probabilities, as `from_pixels` returns it.
            path: The file or folder.
        """
        images = keras.InputSpec(dtype="float32", shape=(None, *model.input_shape[1:]), name=INPUT)
        # Converters describe their progress, whatever they are told.
        quiet = contextlib.redirect_stdout(io.StringIO())
        with exportable(model), warnings.catch_warnings(), quiet:
            warnings.simplefilter("ignore")
            model.export(path, format=self.keras_name, verbose=False, input_signature=[images])


def _describe_onnx(path: Path, description: Mapping[str, Any]) -> None:
    import onnx

    model = onnx.load(path)
    for value, name in ((model.graph.input[0], INPUT), (model.graph.output[0], OUTPUT)):
        _rename(model.graph, value.name, name)
        value.type.tensor_type.shape.dim[0].dim_param = "images"
    texts = {key: _as_text(value) for key, value in description.items()}
    onnx.helper.set_model_props(model, texts)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def _rename(graph: Any, old: str, new: str) -> None:
    for node in graph.node:
        for names in (node.input, node.output):
            names[:] = [new if name == old else name for name in names]
    for value in (*graph.input, *graph.output):
        value.name = new if value.name == old else value.name


def _describe_litert(path: Path, description: Mapping[str, Any]) -> None:
    # Files that belong to a LiteRT model are a ZIP archive behind it, as LiteRT's own tools do it.
    with zipfile.ZipFile(path, "a") as archive:
        # Names of classes may hold bytes that are not valid UTF-8.
        labels = "\n".join(description["class_names"]).encode("utf-8", "surrogateescape")
        archive.writestr(_LABELS, labels)
        archive.writestr(DESCRIPTION, json.dumps(dict(description), indent=2))


def _describe_saved_model(path: Path, description: Mapping[str, Any]) -> None:
    folder = path / "assets.extra"
    folder.mkdir()
    (folder / DESCRIPTION).write_text(json.dumps(dict(description), indent=2), "utf-8")


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _run_onnx(path: Path, images: np.ndarray) -> np.ndarray:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return np.asarray(session.run([OUTPUT], {INPUT: images})[0])


def _run_litert(path: Path, images: np.ndarray) -> np.ndarray:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path))
    number = interpreter.get_input_details()[0]["index"]
    interpreter.resize_tensor_input(number, images.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(number, images)
    interpreter.invoke()
    return np.asarray(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))


def _run_saved_model(path: Path, images: np.ndarray) -> np.ndarray:
    layer = keras.layers.TFSMLayer(path, call_endpoint="serve")
    return np.asarray(keras.ops.convert_to_numpy(layer(images)))


FORMATS = {
    "onnx": ExportFormat(
        "onnx", ".onnx", ("tf2onnx", "onnx", "onnxruntime"), _describe_onnx, _run_onnx
    ),
    "litert": ExportFormat(
        "litert", ".tflite", ("ai_edge_litert.interpreter",), _describe_litert, _run_litert
    ),
    "saved_model": ExportFormat("tf_saved_model", "", (), _describe_saved_model, _run_saved_model),
}
