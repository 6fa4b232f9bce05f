"""What Keras 2 called layers, activations and operations, in the names of Keras 3."""
