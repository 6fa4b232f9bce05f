"""Sets of images in a few large tar files."""
