"""What only TensorFlow does; no other module imports it."""

from __future__ import annotations
