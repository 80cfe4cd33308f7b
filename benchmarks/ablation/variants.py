"""The variants of the generator that the ablation compares: parameters, replaced names, changed weights.

A variant that differs in fitting is fitted anew; one that differs in sampling alone samples from the model of
`AS_IT_IS`. `tests/test_ablation.py` checks that every name which a variant replaces exists in the package.
"""

import contextlib
import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from unittest import mock

import numpy as np
import torch

from synthgan.gan.grouping import Dependence, Plan, plan
from synthgan.gan.groups import NO_GROUPS
from synthgan.gan.model import GanModel
from synthgan.preprocessing import CodingOptions


@dataclass(frozen=True, eq=False)
class Variant:
    """One change of the generator.

    Parameters
    ----------
    name
        Row of the table.
    parameters
        Parameters of `SynthGAN` that differ from the defaults.
    replaced
        Full names in the package, and the objects that stand in for them.
    change_model
        Changes a copy of the fitted model before rows are sampled; None for no change.
    """

    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    replaced: Mapping[str, Any] = field(default_factory=dict)
    change_model: Callable[[GanModel], None] | None = None

    @contextlib.contextmanager
    def applied(self) -> Iterator[None]:
        """Replace the names for a while."""
        with contextlib.ExitStack() as stack:
            for name, replacement in self.replaced.items():
                stack.enter_context(mock.patch(name, replacement))
            yield

    def changed(self, model: GanModel) -> GanModel:
        """Return the model to sample from."""
        if self.change_model is None:
            return model
        model = copy.deepcopy(model)
        self.change_model(model)
        return model


def _shuffle_generator(model: GanModel) -> None:
    """Permute the entries of each weight of the generator: the scale of the weights stays, nothing else."""
    rng = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in model.generator.parameters():
            order = torch.randperm(weight.numel(), generator=rng)
            weight.copy_(weight.flatten()[order].view_as(weight))


def _plan_random_groups(
    columns: Sequence[int], dependence: Dependence, n_rounds: int, given: Sequence[int]
) -> Plan:
    """Return a plan that knows nothing of how columns depend on each other."""
    nothing = np.zeros_like(dependence.information)
    return plan(columns, Dependence(nothing, nothing), n_rounds, given)


def _plan_without_draft(
    columns: Sequence[int], dependence: Dependence, n_rounds: int, given: Sequence[int] = ()
) -> Plan:
    """Return a plan whose first group is sampled by the generator in place of the latent classes."""
    information = dependence.information
    planned = plan(columns, Dependence(information, information), n_rounds, given)
    groups = [planned.drafted, *planned.groups] if planned.drafted else planned.groups
    return Plan([], groups, planned.lost)


AS_IT_IS = Variant("as it is")

_NO_BASIS = Variant("no ordinal basis", replaced={"synthgan.gan.networks.MIN_ORDERED_CODES": 10**9})
_RANDOM_QUESTIONS = Variant(
    "random questions in the herding forest", replaced={"synthgan.gan.balancing._N_QUESTIONS": 1}
)

#: Variants that are fitted anew.
FITTED = (
    AS_IT_IS,
    _NO_BASIS,
    _RANDOM_QUESTIONS,
    Variant(
        "no equality codes",
        replaced={"synthgan.preprocessing.table.find_relations": lambda frame, encoders: ()},
    ),
    Variant(
        "no structural zeros",
        replaced={"synthgan.gan.exclusions.Exclusions.fit": lambda exclusions, table: None},
    ),
    Variant(
        "no sub-bins", replaced={"synthgan.synthesizer.CodingOptions": partial(CodingOptions, max_places=1)}
    ),
    Variant(
        "no moves within a leaf",
        replaced={"synthgan.gan.redrawing._rooms": lambda stands, may_move, first: np.zeros(len(stands))},
    ),
    Variant("no masked reconstruction (one-shot adversarial)", {"loss": "relativistic", "max_time": 30}),
    Variant("no bfloat16", replaced={"synthgan.gan.computing.computes_bfloat16": lambda device: False}),
)

#: Variants that sample from the model of `AS_IT_IS`.
SAMPLED = (
    Variant("generator's weights shuffled", change_model=_shuffle_generator),
    Variant(
        "generator's weights shuffled, no refinement",
        {"redraw": False},
        change_model=_shuffle_generator,
    ),
    Variant("no refinement", {"redraw": False}),
    Variant("no herding", {"correct": False}),
    Variant("no refinement, no herding", {"redraw": False, "correct": False}),
    Variant(
        "groups of columns without latent classes",
        replaced={
            "synthgan.gan.ordering.plan": _plan_without_draft,
            "synthgan.gan.grouping.plan": _plan_without_draft,
        },
    ),
    Variant("one column a round", {"rounds": None}),
    Variant(
        "rounds of random groups, no herding",
        {"correct": False},
        {"synthgan.gan.ordering.plan": _plan_random_groups},
    ),
    Variant("one round", {"rounds": 1}),
    Variant("one round, no refinement, no herding", {"rounds": 1, "redraw": False, "correct": False}),
)


#: How candidates are chosen under a condition: all sample from the model of `AS_IT_IS`.
CONDITIONED = (
    AS_IT_IS,
    Variant("no choice among candidates", {"correct": False}),
)

#: Parts of which little is seen at 3,000 rows; group means take groups with rows enough, such as days.
HALVES = (
    AS_IT_IS,
    _NO_BASIS,
    _RANDOM_QUESTIONS,
    Variant("no group means", replaced={"synthgan.gan.fitting.find_grouping": lambda *_, **__: NO_GROUPS}),
)

#: How missing values are imputed by their expected values.
IMPUTED = (
    AS_IT_IS,
    Variant("no chained imputation", replaced={"synthgan.gan.fitting.learn_gaps": lambda *_, **__: None}),
)

ALL = (*FITTED, *SAMPLED, *CONDITIONED, *HALVES, *IMPUTED)
