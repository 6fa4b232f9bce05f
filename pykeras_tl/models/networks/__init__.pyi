from . import basenet as basenet
from . import blood_cells as blood_cells
from . import cnn_svr as cnn_svr
from . import soco as soco
