"""Random augmentation and standardization of images."""
