"""A project's task as a value: its metric's direction and unit, its thresholds, its scores."""

from pathlib import Path

import numpy as np
import pytest

from emberflow.errors import DataError, ProjectError
from emberflow.evaluate.metrics import Answers
from emberflow.measure import Measure
from emberflow.task import RULES, Examiner, Task, TaskKind, find_metric

TRUTH = np.array([0, 1, 1, 0])
ANSWERS = RULES[TaskKind.BINARY].decide(np.float32([0.1, 0.9, 0.4, 0.2]), (0.5,))


def test_every_kind_has_rules():
    """And metrics, the default first."""
    assert {kind: next(iter(RULES[kind].metrics)) for kind in TaskKind} == {
        "classification": "accuracy",
        "binary": "accuracy",
        "multi_label": "macro_f1",
        "regression": "mae",
        "anomaly": "roc_auc",
    }


@pytest.mark.parametrize(
    ("task", "measure"),
    [
        (Task(), Measure(name="accuracy")),
        (Task(kind="regression", metric="mae"), Measure(name="mae", higher_is_better=False, is_share=False, unit="K")),
        (Task(kind="regression", metric="r2"), Measure(name="r2")),
        (Task(metric="mine:cost", higher_is_better=False), Measure(name="cost", higher_is_better=False, is_share=False)),
    ],
)
def test_a_measure_has_direction_and_unit(task, measure):
    """Errors have the values' unit, shares have none, and of one's own only the direction is known."""
    assert task.measure("K") == measure


@pytest.mark.parametrize(
    ("kind", "decided", "thresholds", "names"),
    [
        ("classification", np.array([0, 2, 1]), 0, {"predictions": 3}),
        ("binary", np.array([0, 1, 1]), 1, {"predictions": 2}),
        ("multi_label", np.array([[0, 1], [1, 1], [0, 0]]), 2, {"predictions of a": 2, "predictions of b": 2}),
        ("regression", np.array([[0.5, 7.0], [0.25, 8.0], [0.75, 9.0]]), 0, {"predicted a": 0, "predicted b": 0}),
        ("anomaly", np.array([0, 1, 1]), 1, {"error of reconstruction": 0, "predictions": 2}),
    ],
)
def test_what_may_drift_of_a_kinds_answers(kind, decided, thresholds, names):
    """By name, with how many classes there are; numbers have a row a sample. And how many thresholds decide."""
    rules, labels = RULES[TaskKind(kind)], ("a", "b", "c")[: 3 if kind == "classification" else 2]

    series = rules.outcomes(Answers(decided * 1.0, decided), labels)

    assert names == {each.name: each.classes for each in series}
    assert [(3,) if each.classes else (3, 1) for each in series] == [each.values.shape for each in series]
    assert thresholds == rules.thresholds(len(labels))


def test_every_kind_but_regression_has_labels_with_samples():
    """Those that have it, and those of which it is said."""
    one, several = np.array([0, 1, 1]), np.array([[0, 1], [1, 1], [0, 0]])
    answers = Answers(one, np.array([1, 1, 0]))

    assert ["regression"] == [kind for kind, rules in RULES.items() if not rules.has_labels]
    for kind in (TaskKind.CLASSIFICATION, TaskKind.BINARY, TaskKind.ANOMALY):
        assert [[False, True, True], [True, True, False]] == [each.tolist() for each in RULES[kind].of_label(one, answers, 1)]
    found = RULES[TaskKind.MULTI_LABEL].of_label(several, Answers(several, 1 - several), 0)
    assert [[False, True, False], [True, False, True]] == [each.tolist() for each in found]
    values = np.array([[1.0], [2.0]])
    assert [[False, False]] * 2 == [each.tolist() for each in RULES[TaskKind.REGRESSION].of_label(values, Answers(values, values), 0)]


def test_thresholds_are_given_or_chosen():
    """One, one a label, or none."""
    assert (Task(kind="binary", threshold=0.3).given_thresholds(2), Task(kind="binary").chooses) == ((0.3,), False)
    assert Task(kind="multi_label").given_thresholds(3) == (0.5, 0.5, 0.5)
    assert (Task(kind="binary", threshold=None).given_thresholds(2), Task(kind="binary", threshold=None).chooses) == ((), True)
    assert (Task(kind="anomaly").given_thresholds(2), Task(kind="anomaly").chooses) == ((), True)
    assert (Task().given_thresholds(2), Task(threshold=None).chooses) == ((), False)


def test_an_assessment_has_every_metric_that_applies():
    """With runtime, thresholds and confusion."""
    quality = Examiner(Task(kind="binary"), Path()).assess("TFLM", TRUTH, ANSWERS, (0.5,))

    assert (quality.runtime, quality.samples, quality.thresholds, quality.confusion) == ("TFLM", 4, (0.5,), ((2, 0), (1, 1)))
    assert quality.scores == pytest.approx({"accuracy": 0.75, "f1": 2 / 3, "roc_auc": 1.0})


def test_a_metric_that_means_nothing_is_left_out():
    """Of one label alone there is no area."""
    assert set(Examiner(Task(kind="binary"), Path()).assess("TFLM", TRUTH * 0, ANSWERS, (0.5,)).scores) == {"accuracy"}


def test_the_projects_metric_must_mean_something():
    """Before anything is compared by it."""
    with pytest.raises(DataError, match=r"the metric means nothing here: the test samples are all of one label; .* choose another metric"):
        Examiner(Task(kind="binary", metric="roc_auc"), Path()).assess("TFLM", TRUTH * 0, ANSWERS, (0.5,))


def test_other_shapes_than_the_baselines_are_refused():
    """From `agreement`."""
    with pytest.raises(DataError, match=r"shape \(4,\) from the baseline and \(3,\) from the variant"):
        Examiner(Task(kind="binary"), Path()).agreement(ANSWERS, RULES[TaskKind.BINARY].decide(np.zeros(3), (0.5,)))


def test_an_unknown_metric_gets_a_hint():
    """The message names those of the kind."""
    with pytest.raises(
        ProjectError, match=r"received 'acuracy' as a metric of a binary task; expected one of accuracy, f1, roc_auc, or module:function"
    ):
        find_metric(TaskKind.BINARY, "acuracy")


def test_ones_own_metric_stands_first(tmp_path):
    """Beside those of the kind; its loss has an interval too."""
    (tmp_path / "task_metrics.py").write_text("def cost(truth, predictions):\n    return (abs(truth - predictions)).mean()\n")
    examiner = Examiner(Task(kind="binary", metric="task_metrics:cost", higher_is_better=False), tmp_path)

    quality = examiner.assess("TFLM", TRUTH, ANSWERS, (0.5,))
    worse = RULES[TaskKind.BINARY].decide(np.float32([0.2, 0.8, 0.3, 0.3]), (0.5,))

    assert next(iter(quality.scores)) == "cost"
    assert examiner.drop(TRUTH, ANSWERS, worse).estimate == pytest.approx(0.1)
