"""The published studies: their data, trials and numbers."""
