from .atomic_files import cache_directory as cache_directory
from .disk_cache import clear_stores as clear_stores
from .disk_cache import list_stores as list_stores
