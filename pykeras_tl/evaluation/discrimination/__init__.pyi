from .curves import precision_recall_points as precision_recall_points
from .curves import roc_points as roc_points
from .thresholds import at_threshold as at_threshold
from .thresholds import choose_threshold as choose_threshold
