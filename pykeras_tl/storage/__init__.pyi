from .atomic_files import cache_directory as cache_directory
from .disk_cache import clear_cache as clear_cache
from .disk_cache import list_cache as list_cache
