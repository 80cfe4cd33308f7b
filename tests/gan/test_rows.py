import numpy as np
import pytest
import torch
from scipy.stats import chi2
from small_tables import MIXED, TEXTBOOK, mixed_table, rng_of, tensors_of

from synthgan.gan.rows import RowSpace
from synthgan.layout import Layout, Span

SPACE = RowSpace(MIXED)
#: The places of MIXED's coded columns (colour, size, weight) in a row vector; its values are at 11 and 12.
PLACES = {0: slice(0, 3), 2: slice(3, 8), 3: slice(8, 11)}


def test_vectors_are_one_hot_codes_then_values():
    codes = torch.tensor([[2, 0, 4, 1, 0], [0, 0, 0, 2, 0]], dtype=torch.uint8)
    values = torch.tensor([[0.5, -1.5], [0.0, 2.5]])
    expected = torch.zeros(2, 13)
    expected[0, [2, 3 + 4, 8 + 1]] = 1
    expected[1, [0, 3 + 0, 8 + 2]] = 1
    expected[:, 11:] = values
    torch.testing.assert_close(SPACE.vectors(codes, values), expected)


def test_vectors_are_zero_exactly_where_a_cell_is_unknown():
    codes, values = tensors_of(mixed_table(200))
    known = torch.rand(200, 5, generator=rng_of(1)) < 0.5
    whole, partial = SPACE.vectors(codes, values), SPACE.vectors(codes, values, known)
    for column, place in PLACES.items():
        assert torch.equal(partial[:, place], whole[:, place] * known[:, column, None])
    assert torch.equal(partial[:, 11:], values * known[:, [3, 4]])


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.int64])
def test_vectors_do_not_depend_on_the_type_of_the_codes(dtype):
    codes, values = tensors_of(mixed_table(20))
    torch.testing.assert_close(SPACE.vectors(codes.to(dtype), values), SPACE.vectors(codes, values))


def test_spread_agrees_with_vectors():
    # Codes and values of 1 turn every place of a known column that vectors() fills into a 1.
    known = torch.rand(50, 5, generator=rng_of(2)) < 0.5
    reached = torch.zeros(50, MIXED.width)
    for code in range(5):
        codes = torch.tensor([min(code, span.n_codes - 1) for span in MIXED.spans]).expand(50, -1)
        reached = reached.maximum(SPACE.vectors(codes, torch.ones(50, 2), known))
    assert torch.equal(SPACE.spread(known), reached.bool())


def test_log_likelihood_is_log_softmax_of_each_column():
    codes, _ = tensors_of(mixed_table(100))
    output = 3 * torch.randn(100, MIXED.width, generator=rng_of(3))
    expected = torch.stack(
        [
            output[:, place].log_softmax(1).gather(1, codes[:, [column]].long())[:, 0]
            for column, place in PLACES.items()
        ],
        dim=1,
    )
    torch.testing.assert_close(SPACE.log_likelihood(output, codes), expected, atol=1e-5, rtol=1e-5)


def test_probabilities_of_a_columns_codes_sum_to_one():
    output = 10 * torch.randn(30, MIXED.width, generator=rng_of(4))
    total = torch.zeros(30, 3)
    for code in range(5):
        codes = torch.full((30, 5), code)
        is_code = torch.tensor([code < 3, True, code < 3])
        codes[:, [0, 3]] = min(code, 2)
        total += torch.where(is_code, SPACE.log_likelihood(output, codes).exp(), 0.0)
    torch.testing.assert_close(total, torch.ones(30, 3))


def straight_through(output, seed=0, space=SPACE, temperature=0.5):
    return space.straight_through(output, temperature, rng_of(seed))


def test_straight_through_draws_one_code_a_column():
    rows = straight_through(2 * torch.randn(500, MIXED.width, generator=rng_of(5)))
    for place in PLACES.values():
        block = rows[:, place]
        assert torch.allclose(block.max(1).values, torch.ones(500))
        assert torch.allclose(block.abs().sum(1), torch.ones(500), atol=1e-5)


def test_straight_through_draws_codes_from_the_softmax():
    n_rows = 40_000
    logits = torch.randn(MIXED.width, generator=rng_of(6))
    counts = straight_through(logits.expand(n_rows, -1)).round().sum(0)
    for place in PLACES.values():
        expected = n_rows * logits[place].softmax(0)
        statistic = ((counts[place] - expected) ** 2 / expected).sum().item()
        assert statistic < chi2.isf(1e-4, place.stop - place.start - 1)


def test_straight_through_draws_the_likelier_of_large_logits():
    output = torch.zeros(100, MIXED.width)
    output[:, 0], output[:, 1], output[:, 2] = 60.0, 90.0, -90.0
    assert straight_through(output)[:, 1].round().eq(1).all()


def test_straight_through_gradient_reaches_every_logit():
    output = torch.randn(64, MIXED.width, generator=rng_of(7)).requires_grad_(True)
    weights = torch.randn(MIXED.width, generator=rng_of(8))
    (straight_through(output) @ weights).sum().backward()
    assert torch.isfinite(output.grad).all()
    assert (output.grad[:, : MIXED.n_codes].abs().sum(0) > 0).all()
    assert (output.grad[:, MIXED.n_codes :].abs().sum(0) > 0).all()


def test_straight_through_gradient_is_that_of_the_perturbed_softmax():
    # Backward the drawn row is softmax((logits + noise) / temperature), and the seed fixes the noise.
    space, logits = RowSpace(Layout((Span("x", 4),))), torch.randn(10, 4, generator=rng_of(9))
    weights = torch.randn(4, generator=rng_of(10))
    leaf = logits.clone().requires_grad_(True)
    (straight_through(leaf, space=space) @ weights).sum().backward()
    noise = -torch.empty(10, 4).exponential_(generator=rng_of(0)).log()
    twin = logits.clone().requires_grad_(True)
    (((twin + noise) / 0.5).softmax(1) @ weights).sum().backward()
    torch.testing.assert_close(leaf.grad, twin.grad, atol=1e-5, rtol=1e-4)


def test_straight_through_values_count_only_where_the_drawn_code_takes_one():
    output = torch.randn(400, MIXED.width, generator=rng_of(11))
    rows = straight_through(output)
    takes = rows[:, 8 + 1].round() == 1
    assert 0 < takes.sum() < 400
    torch.testing.assert_close(rows[takes, 11], output[takes, 11])
    assert rows[~takes, 11].eq(0).all()
    torch.testing.assert_close(rows[:, 12], output[:, 12])  # always valued


def test_straight_through_of_values_alone_is_the_output():
    output = torch.randn(7, 2, generator=rng_of(12))
    torch.testing.assert_close(straight_through(output, space=RowSpace(TEXTBOOK)), output)


def test_a_layout_of_constants_has_empty_rows():
    space = RowSpace(Layout((Span("a", 1), Span("b", 1))))
    codes = torch.zeros(3, 2, dtype=torch.long)
    assert space.vectors(codes, torch.zeros(3, 0)).shape == (3, 0)
    assert space.log_likelihood(torch.zeros(3, 0), codes).shape == (3, 0)
    assert space.straight_through(torch.zeros(3, 0), 0.5, rng_of()).shape == (3, 0)


def test_each_valued_span_takes_its_value_at_its_value_codes():
    layout = Layout((Span("a", 4, value_codes=(0, 2)), Span("b", 2), Span("c", 2, value_codes=(1,))))
    expected = np.zeros((8, 2), dtype=np.float32)
    expected[[0, 2], 0], expected[7, 1] = 1, 1
    np.testing.assert_array_equal(RowSpace(layout).takes_value.numpy(), expected)
