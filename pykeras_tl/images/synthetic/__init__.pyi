from .dataset import draw_blood_cells as draw_blood_cells
from .smear import draw_smear as draw_smear
