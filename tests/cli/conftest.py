"""A table and a model of it in files."""

import pytest
from commands import PENGUINS


@pytest.fixture
def source(tmp_path):
    """The table's file."""
    path = tmp_path / "penguins.parquet"
    PENGUINS.to_parquet(path)
    return path


@pytest.fixture
def model(tmp_path, whole_model):
    """The model's file."""
    whole_model.save(tmp_path / "model")
    return tmp_path / "model"
