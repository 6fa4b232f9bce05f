"""Pretrained backbones: a registry with their input scaling and stages."""
