import pytest
import torch
from small_tables import MIXED, PAIR, mixed_table, model_of, rng_of, tensors_of, weights_of

from synthgan.gan.model import enough_threads, own_global_stream

KNOWN = {"everything": None, "one column": (0,), "nothing": ()}


@pytest.mark.parametrize("known", KNOWN.values(), ids=KNOWN)
def test_same_seed_same_weights(known):
    first, again, other = (weights_of(model_of(MIXED, known=known, seed=seed)) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.usefixtures("untouched_globals")
@pytest.mark.parametrize("known", KNOWN.values(), ids=KNOWN)
def test_construction_leaves_the_global_generators_alone(known):
    model_of(MIXED, known=known, latent_dim=3)


@pytest.mark.usefixtures("untouched_globals")
def test_the_own_stream_follows_its_generator_alone():
    def stream(seed):
        with own_global_stream(rng_of(seed)):
            return torch.rand(5)

    torch.rand(3, generator=rng_of(9))
    assert torch.equal(stream(0), stream(0))
    assert not torch.equal(stream(0), stream(1))


def test_the_own_stream_moves_its_generator_on():
    rng = rng_of(0)
    drawn = []
    for _ in range(2):
        with own_global_stream(rng):
            drawn.append(torch.rand(5))
    assert not torch.equal(*drawn)


@pytest.mark.usefixtures("untouched_globals")
def test_the_global_generators_are_put_back_after_an_error():
    with pytest.raises(ZeroDivisionError), own_global_stream(rng_of(0)):
        torch.rand(1).item() / 0


def test_a_model_that_knows_everything_sees_the_cells_that_are_known():
    model, (codes, values) = model_of(MIXED), tensors_of(mixed_table(30))
    known = torch.rand(30, 5, generator=rng_of(1)) < 0.5
    assert model.knows_all
    assert torch.equal(model.known_vectors(codes, values, known), model.space.vectors(codes, values, known))


@pytest.mark.parametrize("column", [0, 2])
def test_a_model_that_knows_one_column_sees_its_code(column):
    model, (codes, values) = model_of(MIXED, known=(column,)), tensors_of(mixed_table(30))
    seen = model.known_vectors(codes, values)
    assert not model.knows_all
    assert seen.shape == (30, MIXED.spans[column].n_codes)
    assert torch.equal(seen.argmax(1), codes[:, column].long())
    assert seen.sum(1).eq(1).all()
    assert len(model.prior) == MIXED.spans[column].n_codes


def test_a_model_that_knows_nothing_sees_nothing():
    model = model_of(MIXED, known=(), latent_dim=3)
    seen = model.known_vectors(*tensors_of(mixed_table(30)))
    assert seen.shape == (30, 0)
    assert model.generator(seen, model.noise(30, rng_of())).shape == (30, MIXED.width)


def test_noise_is_standard_normal():
    noise = model_of(PAIR, latent_dim=5).noise(4000, rng_of(2))
    standard_error = len(noise.flatten()) ** -0.5
    assert noise.shape == (4000, 5)
    assert abs(noise.mean()) < 4 * standard_error
    assert abs(noise.var() - 1) < 4 * 2**0.5 * standard_error


def test_a_model_without_noise_has_an_input_of_no_width():
    model = model_of(PAIR)
    assert model.noise(7, rng_of()).shape == (7, 0)
    known = model.known_vectors(torch.zeros(7, 2, dtype=torch.long), torch.zeros(7, 0))
    assert model.generator(known, model.noise(7, rng_of())).shape == (7, PAIR.width)


def test_weights_and_shares_of_the_target_are_what_a_file_has_to_hold():
    model = model_of(MIXED, known=(0,), latent_dim=2)
    model.prior.copy_(torch.tensor([0.2, 0.3, 0.5]))
    twin = model_of(MIXED, known=(0,), latent_dim=2, seed=5)
    twin.load_state_dict(model.state_dict())
    assert torch.equal(weights_of(twin), weights_of(model))
    assert torch.equal(twin.prior, model.prior)
    assert set(model.state_dict()) == {"prior", *(name for name, _ in model.named_parameters())}


@pytest.fixture
def two_threads():
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize(("hidden_dim", "batch_size", "n_threads"), [(32, 64, 1), (2048, 2048, 2)])
def test_only_large_products_are_shared_among_threads(hidden_dim, batch_size, n_threads):
    with enough_threads(hidden_dim, batch_size):
        assert torch.get_num_threads() == n_threads
    assert torch.get_num_threads() == 2


@pytest.mark.usefixtures("two_threads")
def test_the_number_of_threads_is_put_back_after_an_error():
    with pytest.raises(ZeroDivisionError), enough_threads(1, 1):
        raise ZeroDivisionError
    assert torch.get_num_threads() == 2
