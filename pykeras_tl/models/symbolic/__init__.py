"""The symbolic tensors of a model: those of its layers, and gradients between them."""
