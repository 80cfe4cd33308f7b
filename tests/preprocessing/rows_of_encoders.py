"""What encoders make of rows that a user asks for, and of rows that keep nothing of what goes together."""

import numpy as np
import pandas as pd

from synthgan.persistence import read_model, write_model
from synthgan.preprocessing import TableEncoder


def ask(encoder, asked, n_rows=1):
    """What is asked of some rows alike."""
    (conditions,) = encoder.ask(n_rows, asked, np.random.default_rng(0))
    return conditions


def written_into(frame, encoder, asked):
    """A frame with what is asked for in every row."""
    return ask(encoder, asked, len(frame)).write_into(frame)


def decoded(encoder, table, asked=None, seed=0):
    """The rows that codes stand for, where something may be asked of all of them."""
    conditions = [] if asked is None else [ask(encoder, asked, len(table))]
    return encoder.inverse_transform(table, rng=np.random.default_rng(seed), conditions=conditions)


def round_trip(frame, seed=0, **options):
    """The rows of a table coded and decoded."""
    encoder = TableEncoder(**options).fit(frame)
    return decoded(encoder, encoder.transform(frame), seed=seed)


def apart(frame, encoder):
    """Codes of rows whose columns were drawn independently of each other."""
    table, rng = encoder.transform(frame), np.random.default_rng(1)
    for i in range(table.codes.shape[1]):
        table.codes[:, i] = table.codes[rng.permutation(len(table)), i]
    return table


def put_right(frame, asked=None, **options):
    """An encoder of a table, and rows drawn apart in which it keeps what goes together.

    They have the table's dtypes, and what is asked of all of them, perhaps of one column that it is missing.
    """
    encoder = TableEncoder(**options).fit(frame)
    back = decoded(encoder, apart(frame, encoder), asked)
    pd.testing.assert_series_equal(back.dtypes, frame.dtypes)
    for name, value in (asked or {}).items():
        assert (back[name].isna() if value is None else back[name] == value).all()
    return encoder, back


def breaks(encoder, rows):
    """Whether some rows break what goes together in a table."""
    return encoder.ties_.broken(rows, encoder.encoders_, asked=True).any()


def check_stored(encoder, frame, folder):
    """Check that the encoder that a file keeps codes and draws as the encoder does, and return it."""
    write_model(folder / "encoder", encoder.state())
    for state in (encoder.state(), read_model(folder / "encoder")):
        stored = TableEncoder.from_state(state)
        assert stored.schema_ == encoder.schema_
        assert stored.layout_ == encoder.layout_
        for ours, theirs in zip(encoder.layout_.relations, stored.layout_.relations, strict=True):
            np.testing.assert_array_equal(theirs.follow, ours.follow)
        table, again = (each.transform(frame) for each in (encoder, stored))
        for array, twin in zip(vars(table).values(), vars(again).values(), strict=True):
            np.testing.assert_array_equal(twin, array)
        rows = apart(frame, encoder)
        back, again = (each.decode(rows, rng=np.random.default_rng(0)) for each in (encoder, stored))
        pd.testing.assert_frame_equal(again, back)
    return stored
