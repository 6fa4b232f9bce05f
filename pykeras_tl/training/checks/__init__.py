"""Checks of what `fit` is given, before anything runs."""
