"""The ablation: each name that a variant replaces exists, and the tables say which differences are clear."""

import pkgutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks" / "ablation"))

import ablation
import variants

from synthgan import SynthGAN

REPLACED = sorted({name for variant in variants.ALL for name in variant.replaced})


@pytest.mark.parametrize("name", REPLACED)
def test_each_name_that_a_variant_replaces_exists(name):
    assert pkgutil.resolve_name(name) is not None


def test_each_parameter_that_a_variant_sets_exists():
    known = SynthGAN().get_params()
    assert all(set(variant.parameters) <= set(known) for variant in variants.ALL)


def test_variants_of_an_experiment_have_different_names():
    for experiment in ablation.EXPERIMENTS.values():
        assert len(set(experiment.variants)) == len(experiment.variants)
        assert experiment.variants[0] == variants.AS_IT_IS.name


def test_shuffled_weights_are_the_same_numbers_in_another_order(quick_model):
    (shuffled,) = (each for each in variants.SAMPLED if each.name == "generator's weights shuffled")
    before = quick_model.model_.generator.to_row.bias
    after = shuffled.changed(quick_model.model_).generator.to_row.bias
    assert not after.equal(before)
    assert after.sort().values.equal(before.sort().values)


def test_differences_are_paired_and_bold_beyond_two_standard_errors():
    experiment = ablation.Experiment("toy", "", None, ("t",), 0, ("as it is", "clear", "unclear"), ("auc",))
    shifts = {"as it is": (0.0, 0.0, 0.0), "clear": (0.1, 0.1, 0.13), "unclear": (-0.1, 0.1, 0.06)}
    done = {
        ("toy", "t", seed, variant): {"auc": 0.5 + 0.2 * seed + shift[seed]}
        for variant, shift in shifts.items()
        for seed in range(3)
    }
    rows = {line.split(" | ")[0].strip("| "): line for line in ablation._table(experiment, done).splitlines()}
    assert "**+0.1100 ± 0.0100 (3)**" in rows["clear"]
    assert "+0.0200 ± 0.0611" in rows["unclear"]
    assert "**" not in rows["unclear"]
