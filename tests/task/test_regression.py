"""The rules of regression: values in their unit, whatever training made of them."""

import numpy as np
import pytest

from emberflow.errors import DataError
from emberflow.standardization import Standardization
from emberflow.task.regression import Regression
from emberflow.task.rules import Part, Run

RULES = Regression()


def test_outputs_become_values_in_their_unit():
    """Standardized ones are undone: 2 * 10 + 100; those of a model that was brought along stay."""
    outputs = np.float32([[2.0]])

    assert RULES.predictions(Run.of_floats(outputs, outputs), Standardization(mean=(100,), std=(10,))).tolist() == [[120]]
    assert RULES.predictions(Run.of_floats(outputs, outputs), None).tolist() == [[2]]


@pytest.mark.parametrize("y", [np.array([1, 2]), np.array([1.0, 2.0]), np.array([[1.0], [2.0]])])
def test_values_are_one_row_a_sample(y):
    """Integers or floats, with or without an axis of one."""
    read = RULES.read_truth(Part("test", (2, 5), y, 1))

    assert (read.tolist(), read.dtype) == ([[1], [2]], np.float32)


@pytest.mark.parametrize(
    ("y", "told"),
    [
        (None, r"and no y; expected y of shape \(2,\) or \(2, 1\), numbers"),
        (np.array(["a", "b"]), r"and y of shape \(2,\), <U1; expected"),
        (np.array([True, False]), r"and y of shape \(2,\), bool; expected"),
        (np.ones((2, 3)), r"and y of shape \(2, 3\), float64; expected"),
        (np.ones(3), r"and y of shape \(3,\), float64; expected"),
        (np.array([1, np.nan]), r"has 1 y that are NaN or infinite in float32 \(the first at sample 1\); expected numbers"),
        (np.array([1e300, 1]), r"has 1 y that are NaN or infinite in float32 \(the first at sample 0\)"),
    ],
)
def test_a_truth_that_can_not_be_is_refused(y, told):
    """None, text, booleans, too many, NaN, more than float32 holds."""
    with pytest.raises(DataError, match=told):
        RULES.read_truth(Part("test", (2, 5), y, 1))


@pytest.mark.parametrize(
    ("labels", "y", "names"),
    [((), np.ones(3), ("value",)), ((), np.ones((3, 2)), ("value 0", "value 1")), (("a", "b"), np.ones((3, 2)), ("a", "b"))],
)
def test_values_have_names(labels, y, names):
    """Those of the data, or numbers."""
    assert RULES.name_labels(labels, y) == names


@pytest.mark.parametrize("labels", [("a",), ("a", "a")])
def test_names_are_as_many_as_values(labels):
    """And different."""
    with pytest.raises(DataError, match="for 2 values a sample; expected a name of its own for each, or no labels"):
        RULES.name_labels(labels, np.ones((3, 2)))


def test_agreement_is_r2_on_the_baselines_values():
    """1 for the same, less for others; values that don't vary agree or don't."""
    baseline = RULES.decide(np.float32([[0], [2]]), ())

    assert RULES.agreement(baseline, baseline) == 1
    # squares: 1 and 1 of errors against 1 and 1 about the mean
    assert RULES.agreement(baseline, RULES.decide(np.float32([[1], [1]]), ())) == 0
    assert RULES.agreement(RULES.decide(np.float32([[1], [1]]), ()), RULES.decide(np.float32([[1], [1]]), ())) == 1
    assert RULES.agreement(RULES.decide(np.float32([[1], [1]]), ()), baseline) == 0


def test_points_are_pairs_of_truth_and_prediction():
    """For each value; of many samples some 300, the first and the last among them."""
    truth = np.arange(2000, dtype=np.float32).reshape(1000, 2)

    points = RULES.figures(truth, RULES.decide(truth + 1, ()))["points"]

    assert (len(points), len(points[0])) == (2, 300)
    assert (points[0][0], points[1][-1]) == ((0, 1), (1999, 2000))


def test_samples_are_spread_over_eighths():
    """By the first value."""
    assert RULES.strata(np.arange(16)[::-1, None]).tolist() == [7, 7, 6, 6, 5, 5, 4, 4, 3, 3, 2, 2, 1, 1, 0, 0]


def test_r2_needs_values_that_vary():
    """The reason is told."""
    answers = RULES.decide(np.float32([[1], [1]]), ())

    assert RULES.metrics["r2"].obstacle(answers.predictions, answers) == "the test samples all have the same value; expected values that vary"
    assert RULES.metrics["mae"].obstacle(answers.predictions, answers) == ""


def test_words_shapes_and_losses():
    """For model card, check and Keras; nothing is chosen, nothing absent."""
    assert RULES.describe(("speed", "torque")) == "a regression of speed, torque"
    assert (RULES.gives((2,), 2, (3,)), RULES.gives((1,), 2, (3,))) == (True, False)
    assert RULES.expected(2, (3,)) == "(None, 2), one output for each value"
    assert (RULES.loss(1, "mae"), RULES.choose(np.ones(1), np.ones(1), 0.9), RULES.absent(np.ones(1), ("a",))) == ("mae", (), ())
    assert RULES.find_fault(np.float32([[np.inf]])).startswith("finite numbers")
