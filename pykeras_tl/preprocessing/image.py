"""The names of Keras 2's `keras.preprocessing.image`, on this package's implementations.

Scripts that begin with `from keras.preprocessing.image import ImageDataGenerator` run with
`from pykeras_tl.preprocessing.image import ImageDataGenerator`.
"""

from keras.preprocessing.image import smart_resize as smart_resize

from ..images.decoding.conversion import array_to_img as array_to_img
from ..images.decoding.conversion import img_to_array as img_to_array
from ..images.decoding.conversion import load_img as load_img
from ..images.decoding.conversion import save_img as save_img
from ..images.image_data_generator import ImageDataGenerator as ImageDataGenerator
from ..images.iterators.base import Iterator as Iterator
from ..images.iterators.dataframe_iterator import DataFrameIterator as DataFrameIterator
from ..images.iterators.directory_iterator import DirectoryIterator as DirectoryIterator
from ..images.iterators.numpy_array_iterator import NumpyArrayIterator as NumpyArrayIterator
from ..images.transforms.affine import apply_affine_transform as apply_affine_transform
from ..images.transforms.affine import random_rotation as random_rotation
from ..images.transforms.affine import random_shear as random_shear
from ..images.transforms.affine import random_shift as random_shift
from ..images.transforms.affine import random_zoom as random_zoom
from ..images.transforms.color import apply_brightness_shift as apply_brightness_shift
from ..images.transforms.color import apply_channel_shift as apply_channel_shift
from ..images.transforms.color import random_brightness as random_brightness
from ..images.transforms.color import random_channel_shift as random_channel_shift
from .functions import flip_axis as flip_axis
from .functions import list_pictures as list_pictures
from .functions import transform_matrix_offset_center as transform_matrix_offset_center
from .functions import validate_filename as validate_filename
