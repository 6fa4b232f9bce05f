from .class_weights import balanced_class_weight as balanced_class_weight
from .fine_tuning import fine_tune as fine_tune
from .fit_function import fit as fit
from .history import History as History
from .optimizers.by_name import make_optimizer as make_optimizer
from .optimizers.layer_rates import layer_rate_table as layer_rate_table
from .optimizers.schedules import OneCycle as OneCycle
from .optimizers.schedules import make_schedule as make_schedule
