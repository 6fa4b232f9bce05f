from .class_balance import balanced_class_weight as balanced_class_weight
from .fine_tuning import fine_tune as fine_tune
from .fitting import fit as fit
from .history import History as History
from .optimizers import make_optimizer as make_optimizer
