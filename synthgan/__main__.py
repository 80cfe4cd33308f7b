"""``python -m synthgan``: the command line."""

from synthgan.cli import main

if __name__ == "__main__":
    main(prog_name="synthgan")
