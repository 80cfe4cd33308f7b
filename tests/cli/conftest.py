"""A table in a file."""

import pytest
from commands import PENGUINS


@pytest.fixture
def source(tmp_path):
    """The file."""
    path = tmp_path / "penguins.parquet"
    PENGUINS.to_parquet(path)
    return path
