"""Tables of images from folders and data set files, and their splits."""
