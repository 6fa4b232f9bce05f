from .dataset import generate_blood_cells as generate_blood_cells
from .smear import generate_smear as generate_smear
