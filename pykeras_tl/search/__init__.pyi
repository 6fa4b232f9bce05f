from .results import SearchResult as SearchResult
from .search import search_classifier as search_classifier
