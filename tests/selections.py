"""Which combinations of parameters are tested always, and which by the exhaustive tests alone."""

import itertools

import pytest


def only_exhaustive(*values):
    """Return one combination that the exhaustive tests alone take."""
    return pytest.param(*values, marks=pytest.mark.exhaustive)


def combinations(*axes, always):
    """Return all combinations of some axes; `always` says of one whether it is tested always."""
    return [own if always(*own) else only_exhaustive(*own) for own in itertools.product(*axes)]
