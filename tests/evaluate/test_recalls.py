"""Recall of each label, by hand, for every kind of task that tells labels apart."""

import numpy as np
import pytest

from emberflow.evaluate.metrics import Answers
from emberflow.evaluate.recalls import by_label
from emberflow.task import RULES, TaskKind

ONE = (np.array([0, 0, 0, 1, 1]), np.array([0, 0, 1, 1, 1]), np.array([0, 1, 1, 1, 0]))  # truth, what the champion says, what the new one says


def answers(decided):
    return Answers(decided, decided)


@pytest.mark.parametrize("kind", [TaskKind.CLASSIFICATION, TaskKind.BINARY, TaskKind.ANOMALY])
def test_of_one_label_a_sample(kind):
    """Of three of label 0 the champion finds two and the new one one; of two of label 1 both and one."""
    truth, old, new = ONE

    found = tuple(by_label(RULES[kind], truth, (answers(old), answers(new)), ("a", "b"), 0.95))

    assert [("a", 3, pytest.approx(2 / 3), pytest.approx(1 / 3)), ("b", 2, 1.0, 0.5)] == [
        (each.label, each.samples, each.champion, each.challenger) for each in found
    ]
    assert [pytest.approx(1 / 3), 0.5] == [each.loss.estimate for each in found]


def test_of_several_labels_a_sample():
    """The truth has label a three times, b once and c never, which has no recall."""
    truth = np.array([[1, 0, 0], [1, 1, 0], [1, 0, 0]])
    old = answers(np.array([[1, 1, 0], [1, 1, 1], [0, 0, 0]]))
    new = answers(np.array([[0, 1, 0], [1, 0, 1], [0, 0, 0]]))

    found = tuple(by_label(RULES[TaskKind.MULTI_LABEL], truth, (old, new), ("a", "b", "c"), 0.95))

    assert [("a", 3, pytest.approx(1 / 3)), ("b", 1, 1.0)] == [(each.label, each.samples, each.loss.estimate) for each in found]


def test_a_regression_has_none():
    """Its labels are names of values."""
    values = np.array([[1.0], [2.0]])

    assert () == tuple(by_label(RULES[TaskKind.REGRESSION], values, (answers(values), answers(values)), ("height",), 0.95))
