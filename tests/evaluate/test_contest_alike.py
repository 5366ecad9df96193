"""Two small networks as a regression, a multi-label and an own-metric task: losses counted by hand, and what can't be compared."""

from dataclasses import replace

import numpy as np
import pytest

from emberflow.evaluate import litert, micro
from emberflow.evaluate.borders import dequantize
from emberflow.evaluate.contest import Ground, Rival
from emberflow.evaluate.contest_alike import compete
from emberflow.evaluate.grading import Grading
from emberflow.measure import Measure
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


GROUND = Ground(X, values(OLD), LABELS, None, Measure(name="mae", higher_is_better=False, is_share=False), 0.95, is_microcontroller=True)


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

    old, new = (replace(rival, thresholds=(0.5,) * 3) for rival in (OLD, NEW))
    contest = compete(old, new, replace(GROUND, truth=truth, measure=Measure(name="subset_accuracy")), grading)

    assert (1.0, float(np.mean(((values(NEW) > 0.5) == truth).all(axis=1)))) == (contest.champion, contest.challenger)


def test_each_of_several_labels_has_its_own_loss():
    """Of the samples that have the label, the share on which it is found; the champion finds all."""
    truth = (values(OLD) > 0.5).astype(np.int64)
    grading = Grading(task=Task(kind=TaskKind.MULTI_LABEL, metric="subset_accuracy", threshold=0.5), labels=3)
    old, new = (replace(rival, thresholds=(0.5,) * 3) for rival in (OLD, NEW))

    contest = compete(old, new, replace(GROUND, truth=truth, measure=Measure(name="subset_accuracy")), grading)

    said = values(NEW) > 0.5
    assert [(label, int(truth[:, place].sum()), 1.0) for place, label in enumerate(LABELS)] == [
        (each.label, each.samples, each.champion) for each in contest.classes
    ]
    assert [float(said[truth[:, place] == 1, place].mean()) for place in range(3)] == [each.challenger for each in contest.classes]


def test_each_decides_by_the_thresholds_in_its_firmware():
    """The champion's were chosen on a validation part that is gone; its samples are standardized by its own figures all the same."""
    scale = Standardization(mean=(1.0,) * 8, std=(2.0,) * 8)
    grading = Grading(task=Task(kind=TaskKind.MULTI_LABEL, metric="subset_accuracy", threshold=None), labels=3)
    assert grading.task.chooses
    truth = (values(OLD) > 0.25).astype(np.int64)
    old, new = replace(OLD, thresholds=(0.25,) * 3), replace(OLD, thresholds=(0.75,) * 3, standardization=scale)

    contest = compete(old, new, replace(GROUND, x=X, truth=truth, measure=Measure(name="subset_accuracy")), grading)

    assert 1.0 == contest.champion > contest.challenger


def test_the_projects_own_metric_is_asked(tmp_path):
    """A function beside the project file, lower is better."""
    (tmp_path / "gate_own_metric.py").write_text("def worst(truth, predicted):\n    return abs(truth - predicted).max()\n")
    grading = Grading(task=Task(kind=TaskKind.REGRESSION, metric="gate_own_metric:worst", higher_is_better=False), labels=3, folder=tmp_path)

    contest = compete(OLD, NEW, replace(GROUND, measure=Measure(name="worst", higher_is_better=False, is_share=False)), grading)

    assert pytest.approx(float(np.abs(values(NEW) - values(OLD)).max())) == contest.challenger


@pytest.mark.parametrize(
    ("champion", "changes", "grading", "words"),
    [
        (replace(OLD, labels=("a", "b")), {}, REGRESSION, "it answers for a, b, and the data are of a, b, c now"),
        (OLD, {"x": np.zeros((200, 7), np.float32)}, REGRESSION, "it takes samples of shape 8, and the data are of shape 7 now"),
        (
            OLD,
            {},
            Grading(task=Task(kind=TaskKind.MULTI_LABEL, metric="macro_f1")),
            "it decides by 0 thresholds, and one for `task: multi_label` decides by 3",
        ),
        (
            OLD,
            {},
            Grading(task=Task(kind=TaskKind.ANOMALY, metric="roc_auc")),
            "it gives 3 numbers for 3 labels, and a model for `task: anomaly` gives",
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


def test_a_new_one_that_gives_something_else_is_refused_in_words():
    """A sigmoid for two of the champion's three values."""
    fewer = replace(NEW, model=network(4, outputs=2))

    assert "it gives predictions of shape (200, 3), and the new one (200, 2)" == compete(OLD, fewer, GROUND, REGRESSION).refusal
