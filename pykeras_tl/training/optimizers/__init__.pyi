from .by_name import learning_rate_schedule as learning_rate_schedule
from .by_name import make_optimizer as make_optimizer
from .layer_rates import layer_rate_table as layer_rate_table
from .learning_rate_finder import LearningRateTest as LearningRateTest
from .learning_rate_finder import lr_find as lr_find
from .schedules import OneCycle as OneCycle
from .schedules import make_schedule as make_schedule
