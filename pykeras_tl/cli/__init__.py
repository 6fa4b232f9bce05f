"""The command-line program `pykeras-tl`."""
