from .novelty import fit_novelty as fit_novelty
from .prediction_sets import fit_prediction_sets as fit_prediction_sets
