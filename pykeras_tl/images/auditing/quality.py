"""Images that are blank, dark, overexposed, blurred, or of an odd shape or size.

The measures are those of CleanVision (https://github.com/cleanlab/cleanvision), on thumbnails that
the search for copies makes anyway. Brightness, information and shape have fixed bounds; sharpness
and size are compared with the rest of the set, because a dermatoscope's images are smoother than
photographs of cats.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import pandas as pd

from ..duplicates.features import BLACK

# In the order in which they are looked for: an image has at most one of the first four.
KINDS = ("blank", "dark", "overexposed", "low information", "blurred", "odd shape", "odd size")
# Of 255: the standard deviation of a blank image, what 99 % of a dark one is below, and what 95 %
# of an overexposed one is above.
_BLANK, _DARK, _OVEREXPOSED = 3.0, 64, 230
_BITS = 3.0
# Of the set's median: the sharpness, and the sharpness for its contrast, of a blurred image.
_BLURRED, _BLURRED_FOR_CONTRAST = 1 / 3, 1 / 2
# The shorter side to the longer one.
_SHAPE = 0.35
# Distance from the quartiles in interquartile ranges, and the factor from the median.
_RANGES, _FACTOR = 3.0, 2.0
# Fewer images have no median to compare with.
_FEW = 20
# What more images than this have is how the set is.
_USUAL = 0.5


class Quality(NamedTuple):
    """What is measured on a thumbnail in gray.

    Attributes:
        darkest: What 5 % of the pixels that are not black are below, 0..255.
        brightest: What 99 % of the pixels are below, 0..255.
        contrast: Standard deviation of the pixels, 0..127.5.
        entropy: Of the histogram in bits, 0..8.
        sharpness: Standard deviation of the Laplacian.
    """

    darkest: float = np.nan
    brightest: float = np.nan
    contrast: float = np.nan
    entropy: float = np.nan
    sharpness: float = np.nan


def measure(gray: np.ndarray) -> Quality:
    """Measure an image.

    Args:
        gray: Its thumbnail, uint8 array of shape (height, width).

    Returns:
        The measures.

    Example:
        >>> measure(np.array([[0, 255], [0, 255]], np.uint8)).entropy
        1.0
    """
    counts = cv2.calcHist([gray], [0], None, [256], [0, 256]).ravel().astype(float)
    # The black of a border, or around a microscope's field, says nothing about the exposure.
    lit = np.where(np.arange(256) > BLACK, counts, 0).cumsum()
    shares = counts[counts > 0] / gray.size
    edges = cv2.Laplacian(gray, cv2.CV_16S)
    return Quality(
        float(np.searchsorted(lit, 0.05 * lit[-1])) if lit[-1] else 0.0,
        float(np.searchsorted(counts.cumsum(), 0.99 * gray.size)),
        float(cv2.meanStdDev(gray)[1][0, 0]),
        float(-(shares * np.log2(shares)).sum()),
        float(cv2.meanStdDev(edges)[1][0, 0]),
    )


def find_quality_problems(files: pd.DataFrame) -> pd.DataFrame:
    """Find the images with problems that show in their measures.

    Args:
        files: Readable images: `filename`, `class`, `split`, `width`, `height`, and the fields of
            `Quality`.

    Returns:
        The columns `problem`, `filename`, `class`, `split` and `detail`, by kind of problem, the
        worst image first. What most images of a set have is one row without a file name.

    Example:
        >>> names = [f"{number}.png" for number in range(30)]
        >>> files = pd.DataFrame({"filename": names, "class": "cat", "split": "", "width": 40,
        ...     "height": [40] * 29 + [200], "darkest": 20, "brightest": 200, "contrast": 50,
        ...     "entropy": 6.0, "sharpness": [2.0] + [20.0] * 29})
        >>> find_quality_problems(files)[["problem", "filename"]].values.tolist()
        [['blurred', '0.png'], ['odd shape', '29.png'], ['odd size', '29.png']]
        >>> find_quality_problems(files)["detail"][0]
        'has a sharpness of 2.0, half of the images more than 20.0'
    """
    shown: set[int] = set()
    tables = []
    for problem, (values, severity) in _measures(files).items():
        rows = np.flatnonzero(severity > 1)
        if problem in KINDS[:5]:
            rows = np.array([row for row in rows if row not in shown], int)
            shown |= set(rows.tolist())
        rows = rows[np.argsort(-severity[rows], kind="stable")]
        if len(rows) > _USUAL * len(files) and len(files) >= _FEW:
            detail = f"{len(rows):,} of {len(files):,} images are: so is this set"
            tables.append(pd.DataFrame([(problem, "", "", "", detail)], columns=_COLUMNS))
        else:
            found = files.iloc[rows][_COLUMNS[1:4]]
            tables.append(found.assign(problem=problem, detail=values[rows])[_COLUMNS])
    return pd.concat(tables, ignore_index=True)


_COLUMNS = ["problem", "filename", "class", "split", "detail"]


def _measures(files: pd.DataFrame) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return a description and the severity, above 1 for a problem, of each kind and image."""
    low, high, contrast, entropy, sharpness, width, height = (
        files[name].to_numpy(float) for name in (*Quality._fields, "width", "height")
    )
    tiny = 1e-6
    for_contrast = sharpness / (contrast + 1)
    side = np.sqrt(width * height)
    compared = len(files) >= _FEW
    usual_sharpness, usual_for_contrast, usual_side = (
        float(np.median(values)) if compared else 0.0 for values in (sharpness, for_contrast, side)
    )
    blurred = np.minimum(
        _BLURRED * usual_sharpness / (sharpness + tiny),
        _BLURRED_FOR_CONTRAST * usual_for_contrast / (for_contrast + tiny),
    )
    shape = np.minimum(width, height) / np.maximum(width, height)
    severities = {
        "blank": _BLANK / (contrast + tiny),
        "dark": _DARK / (high + tiny),
        "overexposed": low / _OVEREXPOSED,
        "low information": _BITS / (entropy + tiny),
        "blurred": blurred,
        "odd shape": _SHAPE / shape,
        "odd size": _size_severity(side, usual_side),
    }
    details = {
        "blank": [f"varies by {value:.1f} of 255" for value in contrast],
        "dark": [f"reaches {value:.0f} of 255 in its brightest parts" for value in high],
        "overexposed": [f"has {value:.0f} of 255 in its darkest parts" for value in low],
        "low information": [f"has {value:.1f} of 8 bits of information" for value in entropy],
        "blurred": [
            f"has a sharpness of {value:.1f}, half of the images more than {usual_sharpness:.1f}"
            for value in sharpness
        ],
        "odd shape": [f"has {w:.0f}×{h:.0f} pixels" for w, h in zip(width, height)],
        "odd size": [
            f"has {w:.0f}×{h:.0f} pixels, half of the images about {usual_side:.0f} each way"
            for w, h in zip(width, height)
        ],
    }
    return {kind: (np.array(details[kind], dtype=object), severities[kind]) for kind in KINDS}


def _size_severity(side: np.ndarray, usual: float) -> np.ndarray:
    if not usual:
        return np.zeros(len(side))
    first, third = np.percentile(side, [25, 75])
    margin = _RANGES * (third - first)
    outside = (side < first - margin) | (side > third + margin)
    factor = np.maximum(side / usual, usual / side)
    return np.where(outside, factor / _FACTOR, 0)
