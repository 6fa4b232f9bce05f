from .explanations import Explanations as Explanations
from .explanations import explain_images as explain_images
from .overlays import overlay_map as overlay_map
from .saliency import saliency_maps as saliency_maps
