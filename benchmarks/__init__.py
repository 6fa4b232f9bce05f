"""Measurements of ours beside the peer's, on the same data in one run."""
