"""The rules of multi-label classification: a probability and a threshold for each label."""

import numpy as np
import pytest

from emberflow.errors import DataError
from emberflow.evaluate.metrics import once
from emberflow.task.multi_label import MultiLabel
from emberflow.task.rules import Part, Run

RULES = MultiLabel()
TRUTH = np.array([[1, 0], [0, 1], [1, 1], [0, 0]])
ANSWERS = RULES.decide(np.float32([[0.9, 0.1], [0.4, 0.6], [0.8, 0.2], [0.6, 0.1]]), (0.5, 0.5))


def test_each_label_has_its_own_threshold():
    """0.4 is above 0.3 and below 0.5."""
    assert RULES.decide(np.float32([[0.4, 0.4]]), (0.3, 0.5)).decided.tolist() == [[1, 0]]


def test_scores_worked_out_by_hand():
    """Label 0: found twice, said wrongly once, F1 4/5; label 1: found once, missed once, 2/3; all right in two samples of four."""
    scores = {name: metric.score(TRUTH, ANSWERS, once(TRUTH))[0] for name, metric in RULES.metrics.items()}

    # areas: label 0 ranks 0.9 and 0.8 above 0.6 and 0.4, 1; label 1 ranks 0.6 and 0.2 above 0.1 and 0.1, 1
    assert scores == pytest.approx({"macro_f1": (4 / 5 + 2 / 3) / 2, "subset_accuracy": 0.5, "roc_auc": 1.0})


def test_every_label_is_counted_in_four_ways():
    """Found, missed, said wrongly, rightly not said."""
    assert RULES.figures(TRUTH, ANSWERS) == {"by_label": ((2, 0, 1, 1), (1, 1, 0, 2))}


@pytest.mark.parametrize(
    ("y", "told"),
    [
        (None, r"and no y; expected y of shape \(2, 2\), 0 or 1 for each label"),
        (np.array([0, 1]), r"and y of shape \(2,\), int64; expected y of shape \(2, 2\)"),
        (np.array([[0.0, 1.0], [1.0, 0.0]]), r"and y of shape \(2, 2\), float64; expected"),
        (np.array([[0, 1], [2, 0]]), r"has y of 2 for label 0 of sample 1; expected y of shape \(2, 2\), 0 or 1 for each label"),
    ],
)
def test_a_truth_that_can_not_be_is_refused(y, told):
    """None, one axis, floats, another number."""
    with pytest.raises(DataError, match=told):
        RULES.read_truth(Part("train", (2, 3), y, 2))


def test_booleans_are_a_truth():
    """As 0 and 1."""
    assert RULES.read_truth(Part("train", (2, 3), TRUTH[:2].astype(bool), 2)).tolist() == [[1, 0], [0, 1]]


def test_thresholds_are_chosen_label_by_label():
    """Each needs a sample that has it."""
    assert RULES.choose(ANSWERS.predictions, TRUTH, 0.99) == pytest.approx((0.7, 0.4), abs=0.26)
    with pytest.raises(DataError, match="no sample of label 1"):
        RULES.choose(ANSWERS.predictions, TRUTH * [1, 0], 0.99)


def test_a_softmax_is_told_apart_from_sigmoids():
    """Its rows all add up to 1."""
    rows = np.float32([[0.2, 0.8], [0.7, 0.3]])

    assert "end it with sigmoid instead of softmax" in RULES.find_fault(rows)
    assert RULES.find_fault(rows * 0.9) == ""
    assert RULES.find_fault(rows * 2) == "probabilities: end it with sigmoid"


def test_samples_are_spread_over_the_combinations():
    """Four of them, a number each."""
    assert len(set(RULES.strata(TRUTH).tolist())) == 4
    assert RULES.absent(TRUTH * [1, 0], ("a", "b")) == ("b",)


def test_an_area_needs_samples_with_and_without_each_label():
    """The label is named by its number."""
    assert RULES.metrics["roc_auc"].obstacle(TRUTH, ANSWERS) == ""
    assert RULES.metrics["roc_auc"].obstacle(TRUTH * [1, 0], ANSWERS).startswith("label 1 is the same in all test samples")


def test_words_shapes_and_losses():
    """For model card, check and Keras."""
    outputs = np.float32([[0.5, 0.25]])

    assert RULES.describe(("a", "b")) == "a classifier that finds any number of 2 labels"
    assert (RULES.gives((2,), 2, (3,)), RULES.gives((1,), 2, (3,))) == (True, False)
    assert RULES.expected(2, (3,)) == "(None, 2), one probability for each label"
    assert RULES.loss(2, "mse") == "binary_crossentropy"
    assert RULES.agreement(ANSWERS, ANSWERS) == 1
    assert RULES.predictions(Run.of_floats(outputs, outputs), None).tolist() == [[0.5, 0.25]]
    with pytest.raises(DataError, match="two different names"):
        RULES.name_labels(("a",), None)
