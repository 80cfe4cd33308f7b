"""Models of the small tables that have not been trained: what they draw is a matter of their seed."""

import copy
import functools

import torch
from small_tables import MIXED, PLACED, model_of, placed_table, rng_of, spread_out

from synthgan.gan.budget import Budget
from synthgan.gan.fitting import survey


def knows_everything():
    return spread_out(model_of(MIXED))


def knows_lines():
    return spread_out(model_of(PLACED))


@functools.cache
def surveyed():
    model = spread_out(model_of(PLACED, n_classes=6, tree_depth=3))
    survey(model, placed_table(600), Budget(1, 1, 0.1, 0.0, (32,), 0), rng_of(1))
    return model


def knows_where_rows_lie():
    return copy.deepcopy(surveyed())


def knows_one_column():
    model = spread_out(model_of(MIXED, known=(0,), latent_dim=8))
    model.prior.copy_(torch.tensor([0.5, 0.3, 0.2]))
    return model


def knows_nothing():
    return spread_out(model_of(MIXED, known=(), latent_dim=8))
