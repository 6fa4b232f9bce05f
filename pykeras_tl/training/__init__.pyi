from .history import History as History
from .optimizers import make_optimizer as make_optimizer
