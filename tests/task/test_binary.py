"""The rules of binary classification: one probability against one threshold."""

import numpy as np
import pytest

from emberflow.errors import DataError
from emberflow.evaluate.metrics import once
from emberflow.task.binary import Binary
from emberflow.task.rules import Run

RULES = Binary()


@pytest.mark.parametrize("outputs", [[[0.25], [0.75]], [[0.75, 0.25], [0.25, 0.75]]])
def test_one_sigmoid_and_two_softmax_outputs_say_the_same(outputs):
    """The probability of label 1."""
    outputs = np.float32(outputs)

    assert RULES.predictions(Run.of_floats(outputs, outputs), None).tolist() == [0.25, 0.75]


def test_label_1_is_what_is_above_the_threshold():
    """Not what equals it, in float32: 0.3f is a little more than 0.3."""
    assert RULES.decide(np.float32([0.29, 0.3, 0.31]), (0.3,)).decided.tolist() == [0, 0, 1]


def test_f1_is_that_of_label_1():
    """One found, one missed, one said wrongly: 2 / (2 + 1 + 1)."""
    answers = RULES.decide(np.float32([0.9, 0.1, 0.8, 0.2]), (0.5,))
    truth = np.array([1, 1, 0, 0])

    assert RULES.metrics["f1"].score(truth, answers, once(truth))[0] == 0.5
    assert RULES.metrics["accuracy"].score(truth, answers, once(truth))[0] == 0.5
    assert RULES.figures(truth, answers) == {"confusion": ((1, 1), (1, 1))}


def test_the_threshold_is_chosen_by_f1():
    """On the validation part, which must have something to find."""
    assert RULES.choose(np.float32([0.1, 0.2, 0.4]), np.array([0, 0, 1]), 0.99) == pytest.approx((0.3,))
    with pytest.raises(
        DataError, match=r"the validation part has no sample of label 1, so its threshold can't be chosen there; .* or give a threshold"
    ):
        RULES.choose(np.float32([0.1, 0.2]), np.array([0, 0]), 0.99)


def test_there_are_two_labels():
    """Three are another task."""
    assert RULES.name_labels(("a", "b"), None) == ("a", "b")
    with pytest.raises(DataError, match=r"received the labels a, b, c for a binary task; expected two, or task: classification"):
        RULES.name_labels(("a", "b", "c"), None)


@pytest.mark.parametrize(("outputs", "fits"), [((1,), True), ((2,), True), ((3,), False), ((), False)])
def test_a_model_gives_one_output_or_two(outputs, fits):
    """Nothing else."""
    assert RULES.gives(outputs, 2, (8,)) is fits
    assert RULES.expected(2, (8,)).startswith("(None, 1), the probability of label 1, or (None, 2)")


def test_the_rest_is_as_in_classification():
    """Losses, faults, words."""
    assert (RULES.loss(1, "mse"), RULES.loss(2, "mse")) == ("binary_crossentropy", "sparse_categorical_crossentropy")
    assert RULES.find_fault(np.float32([[1.5]])).startswith("probabilities")
    assert RULES.describe(("calm", "busy")) == "a binary classifier that tells busy from calm"
    assert RULES.metrics["f1"].obstacle(np.array([0, 0]), RULES.decide(np.float32([0, 1]), (0.5,))) == "no test sample is of label 1; expected some"
