"""The smart-watch example: its data, its augmentation, its project file."""

import runpy
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emberflow.dataset import prepare
from emberflow.project import read_project
from emberflow.recipe import Cluster, Format, Prune, PruneBlock, QuantizeAware
from emberflow.stages.prepare import preparation_of
from emberflow.target import find_target

FOLDER = Path(__file__).parent.parent.parent / "examples" / "watch"
PROJECT = read_project(FOLDER / "emberflow.yaml")


@pytest.fixture(scope="module")
def watch():
    """The example's functions."""
    return runpy.run_path(str(FOLDER / "watch.py"))


@pytest.fixture(scope="module")
def data(watch):
    """What load() returns."""
    return watch["load"]()


@pytest.mark.parametrize(("name", "windows", "people"), [("train", 2460, {1, 2, 3, 4, 5, 6, 7}), ("validation", 372, {8}), ("test", 773, {9, 10})])
def test_parts_are_windows_of_different_people(name, windows, people, data):
    """2,460 + 372 + 773 = 3,605 windows of 128 samples and six channels, seven exercises in each part."""
    part = getattr(data, name)

    assert ((windows, 128, 6), np.float32) == (part.x.shape, part.x.dtype)
    assert people == set(part.group.tolist())
    assert set(range(7)) == set(part.y.tolist())


def test_windows_overlap_by_half(data):
    """Every 64 samples, as long as the person and the exercise stay."""
    x, y, group = data.test.x, data.test.y, data.test.group
    neighbours = [np.array_equal(a[64:], b[:64]) for a, b in pairwise(x)]
    together = (y[1:] == y[:-1]) & (group[1:] == group[:-1])

    assert not any(np.array(neighbours)[~together])
    assert sum(neighbours) >= 0.9 * sum(together)


def test_data_need_no_warning(watch, data):
    """People are disjoint, every label is in each part, no window is in two."""
    made = prepare(data, preparation_of(PROJECT))

    assert made.warnings == ()
    assert (made.sampling.rate_hz, len(made.sampling.channels)) == (50, 6)
    assert (len(made.parts["calibration"][0]), len(made.parts["vectors"][0])) == (200, 128)


def test_calibration_is_spread_over_the_exercises(data):
    """200 over 7: 28 or 29 of each."""
    made = prepare(data, preparation_of(PROJECT))

    assert {28, 29} == set(np.bincount(made.parts["calibration"][1]).tolist())


@settings(deadline=None)
@given(seed=st.integers(0, 2**32), windows=st.integers(1, 4))
def test_augmentation_turns_and_scales(watch, seed, windows):
    """Each window by one rotation and one factor: norms change by the factor, angles between vectors not at all, in both sensors."""
    random = np.random.default_rng(seed)
    x = random.normal(0, 1, (windows, 16, 6)).astype(np.float32)
    kept = x.copy()
    changed = watch["augment"](x, random)
    before, after = (np.linalg.norm(v.astype(np.float64).reshape(windows, -1, 3), axis=-1) for v in (x, changed))
    factor = after[:, :1] / before[:, :1]

    assert (x.shape, np.float32) == (changed.shape, changed.dtype)
    assert np.array_equal(kept, x)
    assert np.allclose(after, factor * before, rtol=1e-4, atol=1e-5)
    for sensor in (slice(3), slice(3, 6)):
        gram = [np.einsum("ntc,nsc->nts", *[v[..., sensor].astype(np.float64)] * 2) for v in (x, changed)]
        assert np.allclose(gram[1], factor[..., None] ** 2 * gram[0], atol=1e-4)


def test_augmentation_differs_from_window_to_window(watch):
    """Equal windows come back different, and again different from the next draw."""
    random = np.random.default_rng(1)
    x = np.tile(np.arange(6, dtype=np.float32), (2, 4, 1))
    first, second = watch["augment"](x, random), watch["augment"](x, random)

    assert not np.allclose(first[0], first[1])
    assert not np.allclose(first, second)


def test_rotations_are_rotations(watch):
    """Orthogonal with determinant 1; no turn is the identity, a quarter about z takes x to y."""
    turns = watch["_rotations"](np.vstack([np.random.default_rng(0).normal(0, 2, (50, 3)), np.zeros(3), [0, 0, np.pi / 2]]))

    assert np.allclose(np.eye(3), turns @ turns.transpose(0, 2, 1))
    assert np.allclose(1, np.linalg.det(turns))
    assert np.allclose(np.eye(3), turns[-2])
    assert np.allclose([0, 1, 0], turns[-1] @ [1, 0, 0])


def test_the_project_tries_every_technique_and_format():
    """At least twelve variants."""
    steps = {type(step) for recipe in PROJECT.recipes for step in recipe.steps}

    assert len(PROJECT.recipes) >= 12
    assert {Prune, PruneBlock, Cluster, QuantizeAware} == steps
    assert set(Format) == {recipe.format for recipe in PROJECT.recipes}
    assert max(len(recipe.steps) for recipe in PROJECT.recipes) == 3


def test_the_project_names_what_is_there(watch):
    """Its functions, and a target that has the flash and RAM of the budget."""
    target = find_target(PROJECT.target)

    entries = (PROJECT.baseline, PROJECT.data, PROJECT.training.augment)
    assert all(callable(watch[entry.removeprefix("watch:")]) for entry in entries)
    assert PROJECT.budget.flash <= target.flash_bytes
    assert PROJECT.budget.ram <= target.ram_bytes


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.xdist_group("flows")
def test_the_exercises_are_told_on_the_chip(prefect_api, tmp_path):
    """The whole chain with one of its recipes: by the C on the emulated Cortex-M4, every byte as TFLM has it, within the project's budget."""
    from flows.retrain_to_deploy import retrain_to_deploy
    from flows.settings import RunConfig

    record = retrain_to_deploy(RunConfig(project=str(FOLDER / "emberflow.yaml"), recipes="int8", home=str(tmp_path)))
    champion = record.variant("int8")

    assert record.choice.champion == "int8"
    assert record.baseline.quality.scores["accuracy"] > 0.85
    assert champion.firmware.on_chip.is_proven
    assert champion.firmware.quality.scores == champion.evaluation.quality.scores
    assert champion.verdict.footprint.flash_bytes < 128 * 1024
