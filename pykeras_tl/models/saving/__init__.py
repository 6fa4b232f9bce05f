"""Saving and safe loading of models, weights and classifiers."""
