from .scan import check_classes as check_classes
from .scan import list_images as list_images
from .splits import groups_from_names as groups_from_names
from .splits import k_folds as k_folds
from .splits import split_fractions as split_fractions
from .splits import split_source_target as split_source_target
from .synthetic import draw_blood_cells as draw_blood_cells
