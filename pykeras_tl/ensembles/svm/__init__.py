"""Support vector machines on the features of a network."""
