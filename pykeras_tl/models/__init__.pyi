from . import blood_cells as blood_cells
from .seeding import seeded as seeded
