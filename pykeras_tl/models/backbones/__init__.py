"""Pretrained backbones, and a registry of their input scaling and stages."""
