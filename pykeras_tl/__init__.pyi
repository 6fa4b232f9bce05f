from . import deployment as deployment
from . import ensembles as ensembles
from . import evaluation as evaluation
from . import explanation as explanation
from . import images as images
from . import models as models
from . import search as search
from . import studies as studies
from . import tasks as tasks
from . import training as training
from . import uncertainty as uncertainty
from .classifier_training import train_classifier as train_classifier
from .evaluation.evaluate import evaluate_classifier as evaluate_classifier
from .evaluation.evaluation import Evaluation as Evaluation
from .evaluation.figures import plot_confusion as plot_confusion
from .evaluation.figures import plot_history as plot_history
from .evaluation.figures import plot_images as plot_images
from .evaluation.figures import plot_mistakes as plot_mistakes
from .evaluation.multi_label import MultiLabelEvaluation as MultiLabelEvaluation
from .evaluation.multi_label import (
    evaluate_multi_label_classifier as evaluate_multi_label_classifier,
)
from .evaluation.predictions import predict_flow as predict_flow
from .evaluation.regression import RegressionEvaluation as RegressionEvaluation
from .evaluation.regression import evaluate_regressor as evaluate_regressor
from .explanation.explanations import explain_images as explain_images
from .explanation.saliency import saliency_maps as saliency_maps
from .images.auditing import audit as audit
from .images.datasets.folders import list_images as list_images
from .images.datasets.splits import k_folds as k_folds
from .images.datasets.splits import split_fractions as split_fractions
from .images.duplicates import duplicate_groups as duplicate_groups
from .images.image_data_generator import ImageDataGenerator as ImageDataGenerator
from .images.packing import pack_images as pack_images
from .images.synthetic import generate_blood_cells as generate_blood_cells
from .logs import show_log_messages as show_log_messages
from .models.freezing import freeze_weights as freeze_weights
from .models.freezing import unfreeze_weights as unfreeze_weights
from .models.saving.classifier import Classifier as Classifier
from .models.saving.classifier import load_classifier as load_classifier
from .models.saving.classifier import load_predictor as load_predictor
from .models.saving.multi_label import MultiLabelClassifier as MultiLabelClassifier
from .models.saving.regressor import Regressor as Regressor
from .models.transfer import transfer_model as transfer_model
from .recipe.label_errors import find_label_errors as find_label_errors
from .recipe.label_errors import suspect_labels as suspect_labels
from .search.search import search_classifier as search_classifier
from .studies.runner import run_study as run_study
from .tasks.multi_label import train_multi_label_classifier as train_multi_label_classifier
from .tasks.regression import train_regressor as train_regressor
from .training.class_weights import balanced_class_weight as balanced_class_weight
from .training.fine_tuning import fine_tune as fine_tune
from .training.fit_function import fit as fit
from .training.history import History as History
from .training.optimizers.by_name import make_optimizer as make_optimizer
from .training.optimizers.learning_rate_finder import lr_find as lr_find

__version__: str
