import numpy as np
import pandas as pd
import pytest

from synthgan.preprocessing.proposals import propose_rules

N_ROWS = 400
RNG = np.random.default_rng(0)


def proposed(frame):
    return {str(proposal.rule): proposal for proposal in propose_rules(frame)}


def test_rules_of_a_table_are_proposed_with_their_support():
    low, net, tax = RNG.integers(50, size=N_ROWS), RNG.lognormal(3, 1, N_ROWS), RNG.lognormal(1, 1, N_ROWS)
    city = RNG.integers(9, size=N_ROWS)
    frame = pd.DataFrame(
        {
            "low": pd.Series(low, dtype="Int64").mask(np.arange(N_ROWS) < 40),
            "high": low + RNG.integers(50, size=N_ROWS),
            "net": np.round(net, 2),
            "tax": np.round(tax, 2),
            "gross": np.round(np.round(net, 2) + np.round(tax, 2), 2),
            "rounded": np.round(net + tax, 2),
            "city": [f"city {i}" for i in city],
            "street": [f"street {i}" for i in city // 3 * 3 + RNG.integers(3, size=N_ROWS)],
            "number": RNG.permutation(10**6)[:N_ROWS],
            "unlike": RNG.normal(size=N_ROWS),
        }
    )
    found = proposed(frame)
    assert found["low <= high"].support == 360
    assert found["gross = net + tax"].rule.tolerance == 0
    assert found["rounded = net + tax"].rule.tolerance == pytest.approx(0.02)
    assert "'city', 'street' stand together as in the table" in found
    assert "no two rows are alike in 'number'" in found
    assert "0 <= net" in found
    assert not any("unlike" in rule for rule in found)
    supports = [proposal.support for proposal in found.values()]
    assert supports == sorted(supports, reverse=True)
    assert all(proposal.reason for proposal in found.values())


def test_what_is_proposed_holds_in_real_tables(real_table):
    for proposal in propose_rules(real_table):
        assert not proposal.rule.broken(real_table).any()


def test_what_one_row_breaks_or_chance_explains_is_not_proposed():
    nearly = 10 + RNG.integers(10, size=N_ROWS)
    nearly[0] = -100
    frame = pd.DataFrame(
        {
            "small": RNG.integers(10, size=N_ROWS),
            "large": RNG.integers(100, 200, size=N_ROWS),
            "nearly": nearly,
            "a": RNG.choice(list("xyz"), size=N_ROWS),
            "b": RNG.choice(list("xyz"), size=N_ROWS),
        }
    )
    assert set(proposed(frame)) == {"0 <= small", "0 <= large"}
