"""The callbacks of a training, and the list that calls them."""
