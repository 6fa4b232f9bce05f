from . import evaluation as evaluation
from . import images as images
from . import models as models
from . import studies as studies
from . import training as training
from .images.generator import ImageDataGenerator as ImageDataGenerator
from .models.freezing import freeze_weights as freeze_weights
from .models.freezing import model_summary as model_summary
from .models.freezing import unfreeze_weights as unfreeze_weights
from .models.transfer import transfer_model as transfer_model

__version__: str
