"""Checkpoints of a training run and their restoration."""
