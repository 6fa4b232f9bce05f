from .scan import check_classes as check_classes
from .scan import list_images as list_images
