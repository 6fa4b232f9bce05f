"""Iterators over batches of images."""
