"""Runs the command as `python -m pykeras_tl`."""

from .cli import main

if __name__ == "__main__":
    main()
