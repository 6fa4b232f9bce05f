"""Which parts of an image speak for a class, as a picture that a browser shows."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from ..explanation import explain_images

if TYPE_CHECKING:
    from ..models.saving.classifier import Classifier
    from ..models.saving.multi_label import MultiLabelClassifier
    from ..models.saving.regressor import Regressor


def explain(
    classifier: Classifier | MultiLabelClassifier | Regressor,
    file: Path,
    class_name: str | None = None,
) -> bytes:
    """Draw a Grad-CAM over an image.

    Args:
        classifier: The classifier.
        file: The image.
        class_name: The class to explain; by default the predicted one.

    Returns:
        A PNG file.

    Raises:
        BadImageError: If the image cannot be read.
        ValueError: If the class is unknown, or the model has no layer with a spatial extent.
    """
    content = io.BytesIO()
    Image.fromarray(explain_images(classifier, file, class_name).overlay(0)).save(content, "PNG")
    return content.getvalue()
