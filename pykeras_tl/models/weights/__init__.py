"""Published weights: where they are, and safe readers of the formats they come in."""
