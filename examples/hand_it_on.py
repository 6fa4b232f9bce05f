"""Hand a classifier on: a model card, other runtimes, a service, and the Hugging Face Hub.

    python examples/hand_it_on.py [CLASSIFIER] [IMAGES] [HUB_REPOSITORY]

CLASSIFIER is the folder of a trained classifier and IMAGES a folder of labelled images, such as
`my-classifier` and `synthetic-cells/TEST` of `examples/your_own_folder.py`. Only with
HUB_REPOSITORY ("owner/name") is anything uploaded. `examples/hand_it_on.R` does the same in R.
"""

import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from pykeras_tl import evaluate_classifier, load_classifier


def main(
    classifier: str = "my-classifier",
    images: str = "synthetic-cells/TEST",
    repository: str | None = None,
) -> None:
    trained = load_classifier(classifier)

    # 1. Measure it on images that it has not seen, and say so in its folder's README.md.
    result = evaluate_classifier(trained, images)
    folder = trained.save("handed-on/classifier", result)
    print((folder / "README.md").read_text(encoding="utf-8"))

    # 2. A file for ONNX Runtime. It is written only if that predicts the same on these images.
    exported = Path("handed-on/model.onnx")
    exported.unlink(missing_ok=True)
    trained.export(exported, "onnx", images)

    # 3. Whoever gets the file needs onnxruntime and Pillow, and nothing of this package.
    predict_with_onnxruntime(exported, next(Path(images).rglob("*.jpeg")))

    # 4. On the Hub, from where `from_hub` loads it as data.
    if repository is not None:
        from pykeras_tl.deployment import push_to_hub

        print(push_to_hub(load_classifier(folder), repository))

    print("Try it: pykeras-tl app handed-on/classifier")


def predict_with_onnxruntime(model: Path, image: Path) -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(model)
    told = session.get_modelmeta().custom_metadata_map
    names, preprocess = json.loads(told["class_names"]), json.loads(told["preprocess"])
    height, width = preprocess["target_size"]
    method = Image.Resampling[preprocess["interpolation"].upper()]
    pixels = Image.open(image).convert("RGB").resize((width, height), method)
    shares = session.run(None, {"image": np.asarray(pixels, "float32")[None]})[0][0]
    print(image.name, {name: round(float(share), 3) for name, share in zip(names, shares)})


if __name__ == "__main__":
    main(*sys.argv[1:])
