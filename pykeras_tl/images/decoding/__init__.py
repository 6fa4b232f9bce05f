"""Reading, resizing and caching image files."""
