import numpy as np
import pandas as pd
import pytest

from synthgan.exceptions import DataError
from synthgan.preprocessing import TableEncoder, infer_schema


def test_one_text_that_differs_in_every_row_is_a_key_only_where_that_says_something():
    keys = [f"K{i:04d}" for i in range(150)]
    assert infer_schema(pd.DataFrame({"x": keys}))["x"].kind == "key"
    for column in (keys[:99], [*keys, None], [*keys, keys[0]], [key + " x" for key in keys]):
        assert infer_schema(pd.DataFrame({"x": column}))["x"].kind == "categorical"


def test_new_keys_have_the_form_of_the_old_and_are_new_and_different():
    frame = pd.DataFrame({"x": [f"K{i:05d}" for i in range(0, 90_000, 300)]})
    encoder = TableEncoder().fit(frame)
    drawn = encoder.inverse_transform(encoder.transform(frame), rng=np.random.default_rng(0))["x"]
    assert drawn.str.fullmatch(r"K[0-8]\d\d00").all()
    assert drawn.is_unique
    assert not drawn.isin(frame["x"]).any()


def test_keys_that_leave_no_new_ones_are_refused():
    frame = pd.DataFrame({"x": [f"K{i:03d}" for i in range(1000)]})
    encoder = TableEncoder().fit(frame)
    with pytest.raises(DataError, match="'x' holds keys whose form leaves no 1000 new ones"):
        encoder.inverse_transform(encoder.transform(frame), rng=np.random.default_rng(0))
