"""The command-line program `pykeras-tl`."""

from .program import main as main
