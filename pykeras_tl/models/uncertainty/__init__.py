"""What a classifier carries to say when not to believe it."""
