"""Several labels an image, and a number: train, measure, explain, predict.

    python examples/labels_and_numbers.py [MINUTES]

Images of colored coins and black dots are drawn: which colors there are is the labels, and how many
dots is the number. `examples/labels_and_numbers.R` does the same in R.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw

from pykeras_tl import explain_images, load_predictor, train_multi_label_classifier, train_regressor
from pykeras_tl.evaluation import (
    MultiLabelEvaluation,
    RegressionEvaluation,
    plot_label_precision_recall,
    plot_true_against_predicted,
)
from pykeras_tl.visualization.style import save_png

COINS = {"red": (0.5, "#DC2828"), "green": (0.4, "#28A03C"), "blue": (0.2, "#3250DC")}


def draw(folder: Path, count: int = 600, side: int = 96) -> Path:
    """Draw the images, and write the table of what they show."""
    random = np.random.default_rng(0)
    folder.mkdir(exist_ok=True)
    rows = []
    for number in range(count):
        noise = random.normal(200, 12, (side, side, 3)).clip(0, 255).astype("uint8")
        image = Image.fromarray(noise)
        canvas = ImageDraw.Draw(image)

        def disk(radius: float, color: str, canvas: ImageDraw.ImageDraw = canvas) -> None:
            x, y = random.uniform(radius, side - radius, 2)
            canvas.ellipse((x - radius, y - radius, x + radius, y + radius), fill=color)

        colors = [name for name, (share, _) in COINS.items() if random.random() < share]
        for name in colors:
            disk(side * random.uniform(0.10, 0.16), COINS[name][1])
        dots = int(random.integers(0, 13))
        for _ in range(dots):
            disk(side * 0.035, "#141414")
        image.save(folder / f"{number:04}.png")
        rows.append((f"{number:04}.png", ";".join(colors), dots))
    table = folder / "table.csv"
    pd.DataFrame(rows, columns=["filename", "colors", "dots"]).to_csv(table, index=False)
    return table


def main(minutes: float) -> None:
    """Run the example."""
    table = draw(Path("coins"))

    # 1. Labels. Of the column "red;blue", an image has both.
    train_multi_label_classifier(table, "coin-colors", "colors", minutes=minutes)
    evaluation = MultiLabelEvaluation.load("coin-colors/evaluation/test")
    print(evaluation.overall.round(3).to_string(index=False))
    print(evaluation.by_label.round(3).to_string(index=False))
    save_png(plot_label_precision_recall(evaluation), "coin-colors.png")

    # 2. A number.
    train_regressor(table, "coin-dots", "dots", minutes=minutes)
    measured = RegressionEvaluation.load("coin-dots/evaluation/test")
    print(measured.overall.round(3).to_string(index=False))
    save_png(plot_true_against_predicted(measured), "coin-dots.png")

    # 3. Both are loaded by one function. What speaks for a label, and what raises the number?
    files = sorted(Path("coins").glob("*.png"))[:6]
    for folder in ("coin-colors/classifier", "coin-dots/regressor"):
        predictor = load_predictor(folder)
        print(predictor.predict(files).to_string(index=False))
        save_png(explain_images(predictor, files).plot(), f"why-{Path(folder).name}.png")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 4)
