"""Rows that keep nothing of what goes together, for tests of what puts it right."""

import numpy as np


def apart(frame, encoder):
    """Return rows whose columns were drawn independently of each other."""
    table, rng = encoder.transform(frame), np.random.default_rng(1)
    for i in range(table.codes.shape[1]):
        table.codes[:, i] = table.codes[rng.permutation(len(table)), i]
    return table
