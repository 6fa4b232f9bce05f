"""Caching of the frozen layers' output."""
