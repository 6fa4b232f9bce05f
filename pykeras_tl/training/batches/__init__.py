"""Batches that may only be made on the main thread, such as those of an R function."""
