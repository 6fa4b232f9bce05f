from .class_weights import balanced_class_weight as balanced_class_weight
from .fine_tuning import fine_tune as fine_tune
from .fit_function import fit as fit
from .history import History as History
from .optimizers import make_optimizer as make_optimizer
