"""Two small networks as a regression, a multi-label and an own-metric task: losses counted by hand, and what can't be compared."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from emberflow.evaluate import litert, micro
from emberflow.evaluate.borders import dequantize
from emberflow.evaluate.contest import Ground, Rival
from emberflow.evaluate.contest_alike import compete
from emberflow.evaluate.grading import Grading
from emberflow.standardization import Standardization
from emberflow.task import Task, TaskKind
from tests.adapters.a_network import network

LABELS = ("a", "b", "c")
X = np.random.default_rng(1).normal(0, 3, (200, 8)).astype(np.float32)
OLD, NEW = Rival(network(4), None, LABELS), Rival(network(5), None, LABELS)
REGRESSION = Grading(task=Task(kind=TaskKind.REGRESSION, metric="mae"), labels=3)


def values(rival):
    """What the network gives, (200, 3), as numbers."""
    return dequantize(micro.run(rival.model, X), litert.read_borders(rival.model).output).reshape(200, 3)


GROUND = Ground(X, values(OLD), LABELS, None, "mae", 0.95, is_microcontroller=True)


def test_a_regression_loses_what_its_error_grows_by():
    """The champion gives the truth, so its error is 0; that of the new one is the mean distance, and a loss is positive all the same."""
    contest = compete(OLD, NEW, GROUND, REGRESSION)

    distance = float(np.abs(values(NEW) - values(OLD)).mean())
    assert (0.0, pytest.approx(distance), pytest.approx(distance)) == (contest.champion, contest.challenger, contest.loss.estimate)
    assert contest.loss.low < contest.loss.estimate < contest.loss.high


def test_each_gives_values_by_its_own_standardization():
    """The champion learned values in halves: what it gives is twice as much."""
    halved = replace(OLD, target=Standardization(mean=(0.0,) * 3, std=(2.0,) * 3))
    contest = compete(halved, OLD, GROUND, REGRESSION)

    assert (pytest.approx(float(np.abs(values(OLD)).mean())), 0.0) == (contest.champion, contest.challenger)


def test_several_labels_a_sample_are_held_against_their_thresholds():
    """Right is who has every label right; at a threshold that the champion's own decisions are the truth of."""
    truth = (values(OLD) > 0.5).astype(np.int64)
    grading = Grading(task=Task(kind=TaskKind.MULTI_LABEL, metric="subset_accuracy", threshold=0.5), labels=3)

    contest = compete(OLD, NEW, replace(GROUND, truth=truth, metric="subset_accuracy"), grading)

    assert (1.0, float(np.mean(((values(NEW) > 0.5) == truth).all(axis=1)))) == (contest.champion, contest.challenger)


def test_the_projects_own_metric_is_asked(tmp_path):
    """A function beside the project file, lower is better."""
    (tmp_path / "gate_own_metric.py").write_text("def worst(truth, predicted):\n    return abs(truth - predicted).max()\n")
    grading = Grading(task=Task(kind=TaskKind.REGRESSION, metric="gate_own_metric:worst", higher_is_better=False), labels=3, folder=tmp_path)

    contest = compete(OLD, NEW, replace(GROUND, metric="worst"), grading)

    assert pytest.approx(float(np.abs(values(NEW) - values(OLD)).max())) == contest.challenger


@pytest.mark.parametrize(
    ("champion", "changes", "grading", "words"),
    [
        (replace(OLD, labels=("a", "b")), {}, REGRESSION, "it answers for a, b, and the data are of a, b, c now"),
        (OLD, {"x": np.zeros((200, 7), np.float32)}, REGRESSION, "it takes samples of shape 8, and the data are of shape 7 now"),
        (
            replace(OLD, standardization=Standardization(mean=(1.0,) * 8, std=(1.0,) * 8)),
            {},
            Grading(task=Task(kind=TaskKind.ANOMALY, metric="roc_auc"), validation_x=Path("x"), validation_y=Path("y")),
            "its thresholds are chosen on the validation part, which is standardized by other figures now",
        ),
        (OLD, {"truth": np.zeros((200, 3), np.float32)}, Grading(task=Task(kind=TaskKind.REGRESSION, metric="r2"), labels=3), ""),
    ],
)
def test_who_can_not_be_compared_is_refused_in_words(champion, changes, grading, words):
    """No figures then; R2 of values that don't vary is refused in the metric's own words."""
    contest = compete(champion, NEW, replace(GROUND, **changes), grading)

    assert contest.refusal
    assert words in contest.refusal
    assert (None, None) == (contest.loss, contest.champion)
