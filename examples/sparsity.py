"""Are deeper layers sparser? Measured on pretrained SqueezeNet and MobileNet.

    python examples/sparsity.py FOLDER-OF-WEIGHTS RESULTS IMAGES...

Each IMAGES is a folder with one subfolder per class, of which 64 images are used.
"""

import sys
from pathlib import Path

import pandas as pd
from scipy.stats import spearmanr

from pykeras_tl import ImageDataGenerator, transfer_model
from pykeras_tl.evaluation import plot_sparsity, sparsity_by_layer

BACKBONES = {
    "squeezenet": ("squeezenet_v1.1_imagenet_notop.h5", {}),
    "mobilenet": ("mobilenet_2_5_224_tf_no_top.h5", {"alpha": 0.25}),
}
SIZE = (128, 128)


def main(weights: str, results: str, *images: str) -> None:
    out = Path(results)
    out.mkdir(parents=True, exist_ok=True)
    rows = []
    for folder in map(Path, images):
        flow = ImageDataGenerator().flow_from_directory(folder, SIZE, batch_size=64, seed=1)
        batch = next(flow)[0]
        for name, (file, options) in BACKBONES.items():
            model = transfer_model(
                name, classes=2, input_shape=(*SIZE, 3), weights=Path(weights) / file, **options
            )
            table = sparsity_by_layer(model, batch)
            # SqueezeNet has ReLU inside its convolutions, MobileNet as layers of their own.
            relu = table["layer"].str.contains("relu")
            if name == "squeezenet":
                relu = table["kind"] == "Conv2D"
            table = table[relu]
            table.to_csv(out / f"{name}-{folder.name}.csv", index=False)
            plot_sparsity(table).savefig(out / f"{name}-{folder.name}.png", dpi=120)
            rows.append({"backbone": name, "images": folder.name, **summary(table)})
    results = pd.DataFrame(rows)
    results.to_csv(out / "sparsity.csv", index=False)
    print(results.round(3).to_string(index=False))


def summary(table: pd.DataFrame) -> dict[str, float]:
    """Return the mean sparsity of the first and last third, and its rank correlation with depth."""
    third = len(table) // 3
    correlation, p = spearmanr(table["depth"], table["sparsity"])
    return {
        "relu layers": len(table),
        "first third": table["sparsity"].iloc[:third].mean(),
        "last third": table["sparsity"].iloc[-third:].mean(),
        "rank correlation with depth": correlation,
        "p": p,
    }


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
