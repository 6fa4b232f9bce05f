"""What evaluations of all kinds share: their folder on disk, and their size in words."""
