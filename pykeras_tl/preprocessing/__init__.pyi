from . import image as image
