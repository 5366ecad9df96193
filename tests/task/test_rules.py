"""What the kinds have in common: labels read and refused, thresholds chosen, outputs that aren't finite."""

import numpy as np
import pytest

from emberflow.errors import DataError
from emberflow.evaluate.metrics import Answers
from emberflow.task.rules import Part, Run, absent_labels, best_threshold, both_labels, decide_alike, is_probability, read_labels, two_or_more


def part(y):
    return Part("train", (3, 4), y, 2)


def test_labels_become_64_bits():
    """Of any integer type."""
    read = read_labels(part(np.array([0, 1, 1], np.uint8)))

    assert (read.tolist(), read.dtype) == ([0, 1, 1], np.int64)


@pytest.mark.parametrize(
    ("y", "told"),
    [
        (None, r"the train part has x of shape \(3, 4\) and no y; expected y of shape \(3,\), integers"),
        (np.array([0, 1]), r"and y of shape \(2,\), int64; expected y of shape \(3,\), integers"),
        (np.array([0.0, 1.0, 1.0]), r"and y of shape \(3,\), float64; expected"),
        (np.array([[0], [1], [1]]), r"and y of shape \(3, 1\), int64; expected"),
        (np.array([0, 2, -1]), r"has 2 labels outside 0 to 1 \(the first is 2 at sample 1\); expected the position of one of the 2 label names"),
    ],
)
def test_labels_that_can_not_be_are_refused(y, told):
    """None, too few, floats, two axes, outside."""
    with pytest.raises(DataError, match=told):
        read_labels(part(y))


@pytest.mark.parametrize("labels", [(), ("a",), ("a", "a")])
def test_labels_are_two_different_names_or_more(labels):
    """Fewer can't be told apart."""
    with pytest.raises(DataError, match="expected at least two different names"):
        two_or_more(labels)


def test_labels_that_nobody_has_are_named():
    """The second of three."""
    assert absent_labels(np.array([0, 2]), ("a", "b", "c")) == ("b",)


def test_the_best_threshold_worked_out_by_hand():
    """Above 0.25 both positives and one other: F1 4/5; above 0.5 one positive alone: 2/3; above 0.15 all but one: 4/6."""
    scores = np.float32([0.1, 0.2, 0.3, 0.4, 0.6])

    assert best_threshold(scores, np.array([0, 0, 1, 0, 1])) == pytest.approx(0.25)


def test_of_equal_thresholds_the_one_nearest_to_a_half_is_taken():
    """Between 0.2 and 0.9 every threshold is perfect, so the middle is; scores that don't vary leave a half."""
    assert best_threshold(np.float32([0.1, 0.2, 0.9]), np.array([0, 0, 1])) == pytest.approx(0.55)
    assert best_threshold(np.float32([0.2, 0.2]), np.array([0, 1])) == 0.5


def test_outputs_that_are_not_finite_are_refused():
    """The message says how many and which first."""
    outputs = np.float32([[0.5, 0.5], [np.nan, 0.5], [np.inf, 0.0]])
    with pytest.raises(DataError, match=r"not finite for 2 of 3 samples, first sample 1; expected probabilities\. Look for NaN"):
        Run.of_floats(outputs, outputs).values("probabilities")


def test_outputs_lose_their_axes_of_length_one():
    """One row a sample."""
    outputs = np.float32([[[[0.25, 0.75]]]])

    assert Run.of_floats(outputs, outputs).values("numbers").tolist() == [[0.25, 0.75]]


@pytest.mark.parametrize(("outputs", "expected"), [([0.0, 1.0], True), ([-0.1, 0.5], False), ([0.5, 1.1], False), ([np.nan, 0.5], False)])
def test_probabilities_lie_between_0_and_1(outputs, expected):
    """And are finite."""
    assert is_probability(np.float32([outputs])) is expected


def test_alike_means_in_every_label():
    """The second of two samples differs in one label of two."""
    one, other = np.array([[1, 0], [1, 1]]), np.array([[1, 0], [1, 0]])

    assert decide_alike(Answers(one, one), Answers(other, other)) == 0.5


def test_an_area_needs_both_labels():
    """The reason is told."""
    answers = Answers(np.zeros(2), np.zeros(2))

    assert both_labels(np.array([0, 1]), answers) == ""
    assert both_labels(np.array([1, 1]), answers) == "the test samples are all of one label; expected samples of both"
