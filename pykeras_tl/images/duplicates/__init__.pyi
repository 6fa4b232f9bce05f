from .groups import duplicate_groups as duplicate_groups
from .groups import find_originals as find_originals
from .groups import group_images as group_images
