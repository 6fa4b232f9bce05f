from .groups import duplicate_groups as duplicate_groups
from .groups import group_pictures as group_pictures
