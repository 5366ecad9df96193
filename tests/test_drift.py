"""Drift: worked out by hand on small numbers, and laws that hold for any."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from emberflow.drift import (
    Checkup,
    Drift,
    Series,
    Thresholds,
    chance,
    compare,
    compare_classes,
    compare_values,
    ks_distance,
    names_of,
    stability_index,
)
from emberflow.measure import Measure

USUAL = Thresholds()
RANDOM = np.random.default_rng(1)
VALUES = arrays(np.float32, st.tuples(st.integers(2, 40), st.integers(1, 3)), elements=st.floats(-100, 100, width=32))


def test_the_index_by_hand():
    """Halves against a quarter and three: (0.5-0.25) ln 2 + (0.5-0.75) ln(2/3)."""
    expected = 0.25 * math.log(2) - 0.25 * math.log(2 / 3)

    assert expected == pytest.approx(stability_index(np.array([0.5, 0.5]), np.array([0.25, 0.75])))


def test_the_distance_by_hand():
    """At 2 all of the one and none of the other are reached; at 1.5 of (1, 2) and (1, 3) as many."""
    assert ks_distance(np.array([1.0, 2.0]), np.array([3.0, 4.0])) == 1.0
    assert ks_distance(np.array([1.0, 2.0]), np.array([1.0, 3.0])) == 0.5


def test_what_chance_gives_by_hand():
    """Ten bins, 100 and 300 samples: 9 (1/100 + 1/300)."""
    assert chance(10, 100, 300) == pytest.approx(0.12)


def test_chance_is_what_equal_samples_give_on_average():
    """Of 400 pairs of one distribution; the mean of that many is within a tenth."""
    found = [compare_values("a", RANDOM.normal(size=(200, 1)), RANDOM.normal(size=(300, 1)), USUAL).stability for _ in range(400)]

    assert np.mean(found) == pytest.approx(chance(10, 200, 300), rel=0.1)


@given(VALUES)
def test_what_is_the_same_has_not_drifted(values):
    """Whatever it is."""
    assert compare_values("a", values, values, USUAL) == Drift(name="a", stability=0.0, distance=0.0, has_drifted=False)


@given(VALUES, VALUES)
def test_index_and_distance_are_never_negative(one, other):
    """And the distance is no more than 1."""
    drift = compare_values("a", one, other, USUAL)

    assert drift.stability >= 0
    assert 0 <= drift.distance <= 1


@given(VALUES, VALUES)
def test_the_distance_does_not_mind_which_is_which(one, other):
    """Nor the unit: both may be doubled."""
    assert ks_distance(one.ravel(), other.ravel()) == ks_distance(other.ravel(), one.ravel())
    assert ks_distance(one.ravel(), other.ravel()) == ks_distance(2 * one.ravel(), 2 * other.ravel())


def test_a_shift_is_seen_and_grows():
    """By half a standard deviation, and by one."""
    values = RANDOM.normal(size=(500, 4))
    none, half, whole = (compare_values("a", values, values + shift, USUAL) for shift in (0, 0.5, 1))

    assert none.stability < half.stability < whole.stability
    assert none.distance < half.distance < whole.distance
    assert (none.has_drifted, whole.has_drifted) == (False, True)


def test_a_wider_spread_is_seen_where_the_mean_stays():
    """By the index: the outer bins fill up."""
    values = RANDOM.normal(size=(500, 4))

    assert compare_values("a", values, values * 3, USUAL).has_drifted


def test_few_samples_of_the_same_are_no_alarm():
    """Of 1,000 pairs of 20 samples fewer than one in twenty: what chance gives is allowed for."""
    alarms = sum(
        compare_values("a", RANDOM.normal(size=(20, 1)), RANDOM.normal(size=(20, 1)), Thresholds(distance=1)).has_drifted for _ in range(1000)
    )

    assert alarms < 50


def test_a_feature_that_was_constant_and_moves_has_drifted():
    """All its deciles are one number."""
    constant = np.full((50, 3), 2.5)

    assert compare_values("a", constant, constant + 0.1, USUAL).has_drifted
    assert compare_values("a", constant, constant - 0.1, USUAL).has_drifted


def test_decisions_that_turn_to_one_class_have_drifted():
    """Thirds against nine tenths; thirds against thirds have not."""
    thirds, mostly = np.arange(300) % 3, np.where(np.arange(300) % 10, 0, 1)

    assert compare_classes("predictions", thirds, mostly, 3, USUAL).has_drifted
    assert not compare_classes("predictions", thirds, thirds[::-1], 3, USUAL).has_drifted
    assert compare_classes("predictions", thirds, mostly, 3, USUAL).distance is None


def test_a_class_that_is_not_known_to_the_reference_counts():
    """It had no share, and has one now."""
    assert compare_classes("predictions", np.zeros(100, np.int64), np.ones(100, np.int64), 3, USUAL).has_drifted


def test_every_reason_is_told_with_its_number():
    """Of a checkup where all went wrong; none where nothing did."""
    gyro = Drift(name="gyro x", stability=0.4123, distance=0.3, has_drifted=True)
    predictions = Drift(name="predictions", stability=0.5, distance=None, has_drifted=True)
    bad = Checkup(
        project="watch",
        version=3,
        measure=Measure(name="accuracy"),
        samples=900,
        then=0.91,
        now=0.85,
        thresholds=USUAL,
        inputs=(gyro,),
        predictions=(predictions,),
    )
    good = bad.model_copy(
        update={
            "now": 0.9,
            "inputs": (gyro.model_copy(update={"has_drifted": False}),),
            "predictions": (predictions.model_copy(update={"has_drifted": False}),),
        }
    )

    assert bad.findings == (
        "accuracy fell from 0.9100 to 0.8500, by more than 0.02",
        "gyro x drifted: stability index 0.412, Kolmogorov-Smirnov distance 0.300",
        "predictions drifted: stability index 0.500",
    )
    assert good.findings == ()


def test_an_error_that_grew_is_told_in_its_unit():
    """Lower is better; a tenth of what it was may be lost."""
    steady = Drift(name="predicted height", stability=0.0, distance=0.0, has_drifted=False)
    height = Measure(name="mae", higher_is_better=False, is_share=False, unit="mm")
    checkup = Checkup(
        project="scale", version=2, measure=height, samples=128, then=12.0, now=13.3, thresholds=USUAL, inputs=(), predictions=(steady,)
    )

    assert checkup.findings == ("mae rose from 12.0 mm to 13.3 mm, by more than 1.20 mm (10 % of 12.0 mm)",)
    assert checkup.model_copy(update={"now": 13.1}).findings == checkup.model_copy(update={"now": 5.0}).findings == ()


def test_numbers_and_classes_are_compared_each_in_their_way():
    """Classes have no distance."""
    places, moved = np.arange(90) % 3, np.zeros(90, np.int64)

    assert compare(Series("p", places, 3), Series("p", moved, 3), USUAL) == compare_classes("p", places, moved, 3, USUAL)
    assert compare(Series("v", places[:, None]), Series("v", moved[:, None]), USUAL) == compare_values("v", places[:, None], moved[:, None], USUAL)


def test_features_are_called_by_their_channels():
    """Where there is a name for each."""
    assert names_of(("ax", "ay"), 2) == ("ax", "ay")
    assert names_of((), 2) == names_of(("ax",), 2) == ("channel 0", "channel 1")
