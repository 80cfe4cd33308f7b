"""From an encoded table to a trained model: the networks for its layout, and the training for the loss."""

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from sklearn.model_selection import train_test_split

from synthgan.gan.balancing import Forest, points_of
from synthgan.gan.budget import Budget
from synthgan.gan.checkpoint import Checkpoint
from synthgan.gan.games import train_game
from synthgan.gan.grouping import Dependence, Rounds
from synthgan.gan.groups import find_grouping
from synthgan.gan.latent_classes import LatentClasses
from synthgan.gan.learning_gaps import MIN_TIME, columns_with_gaps, learn_gaps
from synthgan.gan.loop import History
from synthgan.gan.losses import GAMES
from synthgan.gan.model import Architecture, GanModel
from synthgan.gan.rows import Cells
from synthgan.gan.team import current_team
from synthgan.gan.training import follow_masked, train_masked
from synthgan.layout import EncodedTable, FloatArray, IntArray, Layout
from synthgan.progress import Report

#: Share of the rows that is held out; at least so many, where that is no larger share than this, and at most.
_VALIDATION_SHARE, _MOST_OF_SMALL = 0.05, 0.2
_MIN_VALIDATION_ROWS, _MAX_VALIDATION_ROWS = 20, 2_000
#: Share of the time in which latent classes are learned, as much for the forest, and as much for finding
#: groups.
_SURVEY_SHARE = 0.05
#: Share of the time in which the trees of the refinement are grown, and as much for those of group means.
_TREES_SHARE = 0.1
#: Share of the time in which it is learned to complete rows, if cells are missing.
_GAPS_SHARE = 0.15
#: The stages of training in which it is learned to complete rows, and after which nothing is learned.
_GAPS, _DONE = "gaps", "done"


@dataclass(frozen=True)
class FitOptions:
    """The parts of a model that a fit learns beside its generator.

    Parameters
    ----------
    rounds
        In how many rounds rows will be sampled; see `synthgan.gan.grouping.Rounds`.
    redraw
        Whether to learn the trees of the refinement.
    correct
        Whether to learn the forest by which candidates are chosen.
    imputation
        Whether to learn the chained imputation from a table with missing values.
    """

    rounds: Rounds = "auto"
    redraw: bool = True
    correct: bool = True
    imputation: bool = False

    @property
    def of_sampling(self) -> dict[str, Any]:
        """How rows are sampled during the fit, one candidate each; see `synthgan.gan.drawing.draw`."""
        return {"rounds": self.rounds, "redraw": self.redraw, "correct": False}


def build_model(
    layout: Layout,
    budget: Budget,
    *,
    n_rows: int,
    loss: str,
    options: FitOptions,
    target: int | None,
    seed: int,
    device: torch.device,
) -> GanModel:
    """Return a new model for a layout.

    Parameters
    ----------
    layout
        What the columns mean.
    n_rows
        Rows of the table.
    budget
        The sizes of the networks.
    loss
        "masked" or the name of a game.
    options
        The parts to learn beside the generator.
    target
        Index of the target, or None.
    seed
        Of the initial weights.
    device
        Where the model is to be.
    """
    game = GAMES.get(loss)
    tree_depth = Forest.depth_for(n_rows) if game is None and options.correct else 0
    architecture = Architecture(
        hidden_dims=budget.hidden_dims,
        latent_dim=budget.latent_dim,
        residual=game is None or game.residual,
        quiet_start=budget.quiet_start,
        target=target,
        known=tuple(range(len(layout))) if game is None else _condition_of_game(layout, target),
        n_classes=LatentClasses.count_for(n_rows) if game is None else 1,
        tree_depth=tree_depth,
    )
    weights_seed, _ = seeds_of(seed)
    return GanModel(layout, architecture, torch.Generator().manual_seed(weights_seed)).to(device)


def train_model(
    model: GanModel,
    table: EncodedTable,
    amounts: FloatArray,
    budget: Budget,
    *,
    loss: str,
    options: FitOptions,
    seed: int,
    report: Report,
    checkpoint: Checkpoint | None = None,
) -> list[dict[str, float]]:
    """Train a model on a table of at least two rows; return the history, one record a check.

    `amounts` says where cells stand; see `synthgan.gan.learning_gaps.learn_gaps`. `checkpoint` is where the
    run is kept and, if it was interrupted, gone on with. The other parameters are those of `build_model`,
    `synthgan.gan.training.train_masked` and `synthgan.gan.games.train_game`. In a team (see
    `synthgan.gan.team.together`) all of its processes come to the same model.
    """
    checkpoint, history, team = checkpoint or Checkpoint(), History(report), current_team()
    _, training_seed = seeds_of(seed)
    rng = torch.Generator(model.device).manual_seed(training_seed)
    if loss in GAMES:
        train_game(model, GAMES[loss], table, budget, history, rng=rng, checkpoint=checkpoint)
        return history.records
    kept, held_out = hold_out(table, model.architecture.target, seed)
    training, validation = table.take(kept), table.take(held_out)
    is_to_train = bool(team.agree(checkpoint.stage not in (_GAPS, _DONE)))
    if not team.leads:
        if is_to_train:
            follow_masked(model, training, budget, team=team)
        team.same(model, history)
        return history.records
    imputes = options.imputation and bool(columns_with_gaps(model, training, amounts[kept]))
    gaps_time = budget.max_time and budget.max_time * _GAPS_SHARE
    if imputes and (gaps_time or 0.0) >= MIN_TIME:
        budget = replace(budget, max_time=(1 - _GAPS_SHARE) * (budget.max_time or 0.0))
    if checkpoint.stage is None:
        budget = survey(model, table, budget, rng, training=training, refines=options.redraw)
    if is_to_train:
        of_run: dict[str, Any] = {"checkpoint": checkpoint, "team": team, "rng": rng}
        of_run |= {"rounds": options.rounds, "redraw": options.redraw}
        train_masked(model, training, validation, budget, history, **of_run)
    is_to_learn_gaps = checkpoint.stage != _DONE
    checkpoint.begin(_GAPS, model, rng, history=history)
    rows = (training, amounts[kept], validation, amounts[held_out])
    if is_to_learn_gaps and imputes:
        learn_gaps(model, *rows, how=options.of_sampling, rng=rng, max_time=gaps_time)
        checkpoint.begin(_DONE, model, rng, history=history)
    team.same(model, history)
    return history.records


def survey(
    model: GanModel,
    table: EncodedTable,
    budget: Budget,
    rng: torch.Generator,
    *,
    training: EncodedTable | None = None,
    refines: bool = True,
) -> Budget:
    """Learn what takes no network: latent classes, what columns say of each other, where rows lie, cells.

    The forest is grown where the model has one, and the trees of the refinement where it `refines`: from
    `training` alone, if it is given, since refined rows are measured against those that are held out. Returns
    the budget with the time that is left.
    """
    started = time.monotonic()
    time_for_each = budget.max_time and budget.max_time * _SURVEY_SHARE
    model.classes.fit(Cells.of(table, model.device), model.space, rng, time_for_each)
    shares, code_shares = (part.cpu().double().numpy() for part in model.classes.buffers())
    dependence = Dependence.of(table, model.layout, shares, code_shares)
    model.information.copy_(torch.from_numpy(dependence.information))
    model.unexplained.copy_(torch.from_numpy(dependence.unexplained))
    model.exclusions.fit(table)
    forest_seed, trees_seed = torch.randint(2**62, (2,), generator=rng, device=rng.device).tolist()
    if model.forest.depth:
        layout, target, coded = model.layout, model.architecture.target, model.layout.coded.tolist()
        model.forest.grow(
            points_of(table, layout),
            np.random.default_rng(forest_seed),
            ordered=np.array([layout.spans[column].is_ordered for column in coded], dtype=bool),
            target=coded.index(target) if target in coded else None,
            max_time=time_for_each,
        )
    if refines:
        rows = table if training is None else training
        _grow_trees(model, rows, dependence, np.random.default_rng(trees_seed), budget.max_time)
    spent = time.monotonic() - started
    return replace(budget, max_time=budget.max_time and max(0.1, budget.max_time - spent))


def _grow_trees(
    model: GanModel,
    rows: EncodedTable,
    dependence: Dependence,
    rng: np.random.Generator,
    max_time: float | None,
) -> None:
    """Learn the trees of the refinement, and the group means that they ask for."""
    layout, target = model.layout, model.architecture.target
    related = {column for each in layout.relations for column in (each.column, each.partner)}
    grouping = find_grouping(
        rows,
        layout,
        target=target,
        untold=dependence.bound | related,
        max_time=max_time and max_time * _SURVEY_SHARE,
    )
    how: dict[str, Any] = {
        "bound": dependence.bound,
        "grouping": grouping,
        "max_time": max_time and max_time * _TREES_SHARE,
    }
    model.trees.grow(rows, model.space, rng, **how)
    if grouping.told:
        model.group_trees.grow(rows, model.space, rng, in_order=grouping.told, **how)


def seeds_of(seed: int) -> tuple[int, int]:
    """Return two seeds of independent streams: for the initial weights and for training."""
    weights, training = np.random.SeedSequence(seed).generate_state(2)
    return int(weights), int(training)


def hold_out(table: EncodedTable, target: int | None, seed: int) -> tuple[IntArray, IntArray]:
    """Return which rows to train on and which to judge by, with the target's codes shared out evenly."""
    least = max(1, min(_MIN_VALIDATION_ROWS, _MOST_OF_SMALL * len(table)))
    n_held_out = int(np.clip(_VALIDATION_SHARE * len(table), least, _MAX_VALIDATION_ROWS))
    strata = None
    if target is not None:
        counts = np.bincount(table.codes[:, target])
        if counts[counts > 0].min() >= 2 and np.count_nonzero(counts) <= n_held_out:
            strata = table.codes[:, target]
    kept, held_out = train_test_split(
        np.arange(len(table)), test_size=n_held_out, stratify=strata, random_state=seed
    )
    return kept, held_out


def _condition_of_game(layout: Layout, target: int | None) -> tuple[int, ...]:
    """Return the columns that a game is given: the target, if it is made of codes and not all there is."""
    if target is None or len(layout) == 1 or layout.spans[target].value_codes or not layout.sizes[target]:
        return ()
    return (target,)
