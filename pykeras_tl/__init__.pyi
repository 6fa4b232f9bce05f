from . import ensembles as ensembles
from . import evaluation as evaluation
from . import images as images
from . import models as models
from . import studies as studies
from . import training as training
from .evaluation.evaluation import Evaluation as Evaluation
from .evaluation.evaluation import evaluate_classifier as evaluate_classifier
from .evaluation.figures import plot_confusion as plot_confusion
from .evaluation.figures import plot_history as plot_history
from .evaluation.figures import plot_mistakes as plot_mistakes
from .evaluation.figures import plot_pictures as plot_pictures
from .evaluation.predictions import predict_flow as predict_flow
from .images.generator import ImageDataGenerator as ImageDataGenerator
from .models.classifier import Classifier as Classifier
from .models.classifier import load_classifier as load_classifier
from .models.freezing import freeze_weights as freeze_weights
from .models.freezing import model_summary as model_summary
from .models.freezing import unfreeze_weights as unfreeze_weights
from .models.transfer import transfer_model as transfer_model
from .training.fine_tuning import fine_tune as fine_tune
from .training.fitting import fit as fit
from .training.history import History as History
from .training.optimizers import make_optimizer as make_optimizer

__version__: str
