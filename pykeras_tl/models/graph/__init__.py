"""A model's operations as one flat graph, and models that run a part of it."""
