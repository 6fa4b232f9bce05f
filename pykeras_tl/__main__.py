"""Runs the command as `python -m pykeras_tl`."""

from .cli.main import main

if __name__ == "__main__":
    main()
