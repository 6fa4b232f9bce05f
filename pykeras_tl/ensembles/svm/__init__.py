"""Support vector machines on a network's features."""
