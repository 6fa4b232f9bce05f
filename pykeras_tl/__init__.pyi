from . import evaluation as evaluation
from . import images as images
from . import models as models
from . import studies as studies
from . import training as training

__version__: str
