"""Figures of histories, confusion matrices, mistakes, data and layers, drawn by matplotlib.

Figures of layers need Keras; the others are imported here because they load without it.
"""

from ...visualization.history_curves import plot_history as plot_history
from ...visualization.style import save_png as save_png
from .curves import plot_precision_recall as plot_precision_recall
from .curves import plot_roc as plot_roc
from .galleries import plot_images as plot_images
from .galleries import plot_label_errors as plot_label_errors
from .galleries import plot_mistakes as plot_mistakes
from .galleries import worst_mistakes as worst_mistakes
from .matrices import plot_confusion as plot_confusion
from .reliability import plot_reliability as plot_reliability
