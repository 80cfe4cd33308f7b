"""What a user asks of rows, as an encoder reads it."""

import numpy as np


def ask(encoder, asked, n_rows=1):
    """What is asked of some rows alike."""
    (conditions,) = encoder.ask(n_rows, asked, np.random.default_rng(0))
    return conditions


def cell_asked(encoder, asked):
    """The one cell that is asked for."""
    (cells,) = ask(encoder, asked).cells.values()
    return cells


def written_into(frame, encoder, asked):
    """A frame with what is asked for in every row."""
    return ask(encoder, asked, len(frame)).write_into(frame)
