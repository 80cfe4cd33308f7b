from dataclasses import replace

import pytest
import torch
from small_tables import (
    MIXED,
    PAIR,
    PLACED,
    cells_of,
    mixed_table,
    model_of,
    pair_table,
    placed_table,
    rng_of,
    spread_out,
    standing_cells,
    weights_of,
)

from synthgan.gan.completing import N_ROUNDS

KNOWN = {"everything": None, "one column": (0,), "nothing": ()}


@pytest.mark.parametrize("known", KNOWN.values(), ids=KNOWN)
def test_same_seed_same_weights(known):
    first, again, other = (weights_of(model_of(MIXED, known=known, seed=seed)) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize(("layout", "table_of"), [(MIXED, mixed_table), (PLACED, placed_table)])
def test_a_model_that_knows_everything_sees_the_cells_that_are_known(layout, table_of):
    model, cells = model_of(layout), cells_of(table_of(30))
    known = torch.rand(30, len(layout), generator=rng_of(1)) < 0.5
    assert model.knows_all
    assert torch.equal(model.known_vectors(cells, known), model.space.vectors(cells, known))


@pytest.mark.parametrize("column", [0, 2])
def test_a_model_that_knows_one_column_sees_its_code(column):
    model, cells = model_of(MIXED, known=(column,)), cells_of(mixed_table(30))
    seen = model.known_vectors(cells)
    assert not model.knows_all
    assert seen.shape == (30, MIXED.spans[column].n_codes)
    assert torch.equal(seen.argmax(1), cells.codes[:, column].long())
    assert seen.sum(1).eq(1).all()
    assert len(model.prior) == MIXED.spans[column].n_codes


def test_a_model_that_knows_nothing_sees_nothing():
    model = model_of(MIXED, known=(), latent_dim=3)
    seen = model.known_vectors(cells_of(mixed_table(30)))
    assert seen.shape == (30, 0)
    assert model.generator(seen, model.noise(30, rng_of())).codes.shape == (30, MIXED.n_codes)


def likelihood_of(column, known, **cells_of_column):
    """How likely a model finds a code, a place and relations of one column in five rows."""
    model, cells = spread_out(model_of(PLACED)), standing_cells(5)
    index = PLACED.place_index[column]
    parts = {name: getattr(cells, name).clone() for name in ("codes", "places", "relations")}
    parts["codes"][:, column], parts["places"][:, index] = cells_of_column["code"], cells_of_column["place"]
    parts["relations"][:] = torch.tensor(cells_of_column.get("relations", False))
    is_known = torch.zeros(5, len(PLACED), dtype=torch.bool)
    is_known[:, list(known)] = True
    cells = replace(cells, **parts)
    log_likelihood, output = model.reconstruct(cells, is_known, model.noise(5, rng_of()))
    of_codes, _ = model.space.log_likelihood(output, cells, is_known)
    coded = PLACED.coded.tolist().index(column)
    return log_likelihood[:, coded].exp(), of_codes[:, coded].exp()


@pytest.mark.parametrize("column", PLACED.placed.tolist())
def test_the_places_of_a_code_share_its_likelihood(column):
    span = PLACED.spans[column]
    for code in range(span.n_codes):
        places = range(span.n_places) if code in span.place_codes else [0]
        parts = [likelihood_of(column, (), code=code, place=place) for place in places]
        torch.testing.assert_close(sum(whole for whole, _ in parts), parts[0][1])


def test_a_cell_that_a_relation_tells_has_its_place_from_there():
    whole, of_code = likelihood_of(2, (0,), code=2, place=3, relations=[False, True, False, False])
    assert torch.equal(whole, of_code)
    whole, of_code = likelihood_of(2, (1,), code=2, place=3, relations=[False, True, False, False])
    assert (whole < of_code).all()


def test_noise_is_standard_normal():
    noise = model_of(PAIR, latent_dim=5).noise(4000, rng_of(2))
    standard_error = len(noise.flatten()) ** -0.5
    assert noise.shape == (4000, 5)
    assert abs(noise.mean()) < 4 * standard_error
    assert abs(noise.var() - 1) < 4 * 2**0.5 * standard_error


def test_a_model_without_noise_has_an_input_of_no_width():
    model = model_of(PAIR)
    assert model.noise(7, rng_of()).shape == (7, 0)
    known = model.known_vectors(cells_of(pair_table(7)))
    assert model.generator(known, model.noise(7, rng_of())).codes.shape == (7, PAIR.n_codes)


def test_weights_and_what_was_counted_are_what_a_file_has_to_hold():
    sizes = {"known": (0,), "latent_dim": 2, "n_classes": 4, "tree_depth": 2}
    model, twin = model_of(MIXED, **sizes), model_of(MIXED, **sizes, seed=5)
    for name, value in model.state_dict().items():
        if "trees." not in name:  # these have to lead somewhere
            value.copy_(100 * torch.rand(value.shape, generator=rng_of(2)))
    twin.load_state_dict(model.state_dict())
    assert torch.equal(weights_of(twin), weights_of(model))
    for name, value in model.state_dict().items():
        assert torch.equal(twin.state_dict()[name], value)
    counted = {"prior", "information", "unexplained", "classes.shares", "classes.code_shares"}
    counted |= {"forest.columns", "forest.thresholds", "forest.shares"}
    of_trees = ["roots", "child", "asked", "thresholds", "first", "counts"]
    of_trees += ["codes", "places", "told_by", "rooms"]
    of_trees += [f"groups.{name}" for name in ("naming", "sizes", "told", "numbers", "means")]
    counted |= {f"{trees}.{name}" for trees in ("trees", "group_trees") for name in of_trees}
    counted |= {"exclusions.pairs", "exclusions.allowed"}
    of_rounds = [f"trees.{name}" for name in ("roots", "child", "asked", "thresholds", "first", "counts")]
    of_rounds += ["trees.codes", "trees.means", "slopes", "intercepts", "weights"]
    counted |= {f"completer.{number}.{name}" for number in range(N_ROUNDS) for name in of_rounds}
    assert set(model.state_dict()) == counted | {name for name, _ in model.named_parameters()}
