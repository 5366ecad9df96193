from collections.abc import Callable

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score, roc_auc_score

from emberflow.evaluate.metrics import (
    Answers,
    class_roc_auc,
    confusion,
    f1,
    mean_absolute_error,
    once,
    partial_auc,
    r2,
    roc_auc,
    root_mean_squared_error,
)
from emberflow.task.classification import Classification

METRICS = Classification().metrics
TRUTH = np.array([0, 0, 1, 1])
# decided 0, 1, 1, 1
PROBABILITIES = np.array([[0.9, 0.1], [0.4, 0.6], [0.3, 0.7], [0.2, 0.8]], np.float32)


def said(probabilities: np.ndarray) -> Answers:
    return Classification().decide(probabilities, ())


def score(truth: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """Every metric of a classification, of all samples once."""
    return {name: float(metric.score(truth, said(probabilities), once(truth))[0]) for name, metric in METRICS.items()}


def test_scores_worked_out_by_hand() -> None:
    """Three of four are right; F1 is 2/3 for class 0 and 4/5 for class 1; every 1 is ranked above every 0."""
    scores = score(TRUTH, PROBABILITIES)

    # class 0: TP 1, FN 1, FP 0 -> 2/3; class 1: TP 2, FP 1 -> 4/5; mean 11/15
    assert scores == pytest.approx({"accuracy": 0.75, "macro_f1": 11 / 15, "roc_auc": 1.0})


def test_a_tie_counts_as_half_in_the_area() -> None:
    """Of the four pairs one is won, two are ties and one is lost: (1 + 2/2) / 4."""
    of_one = np.array([0.5, 0.7, 0.5, 0.7], np.float32)

    scores = score(TRUTH, np.stack([1 - of_one, of_one], axis=1))

    assert scores["roc_auc"] == pytest.approx(0.5)


def test_a_class_that_nobody_names_is_left_out_of_macro_f1() -> None:
    """Class 2 is neither a label nor decided, so a perfect result stays 1."""
    perfect = np.eye(3, dtype=np.float32)[TRUTH]

    assert score(TRUTH, perfect)["macro_f1"] == 1.0


def test_a_class_that_is_only_decided_counts_as_zero() -> None:
    """Labels 0 0, decided 0 2: F1 of class 0 is 2/3, of class 2 zero, and class 1 is left out."""
    scores = score(np.array([0, 0]), np.eye(3, dtype=np.float32)[[0, 2]])

    assert scores["macro_f1"] == pytest.approx(1 / 3)


@settings(deadline=None)  # other work on the machine is no failure
@given(st.integers(0, 10_000), st.integers(2, 5), st.integers(12, 40))
def test_scores_are_those_of_scikit_learn(seed: int, classes: int, samples: int) -> None:
    """On coarse probabilities, which have ties, and with every class among the labels."""
    rng = np.random.default_rng(seed)
    truth = np.concatenate([np.arange(classes), rng.integers(classes, size=samples)])
    probabilities = rng.integers(0, 8, size=(len(truth), classes)).astype(np.float32) / 8

    scores = score(truth, probabilities)

    areas = [roc_auc_score(truth == c, probabilities[:, c]) for c in range(classes)]
    assert scores["roc_auc"] == pytest.approx(np.mean(areas))
    assert scores["macro_f1"] == pytest.approx(f1_score(truth, probabilities.argmax(axis=1), average="macro"))


@pytest.mark.parametrize("name", METRICS)
def test_weights_are_repetitions(name: str) -> None:
    """A sample of weight 3 counts as if it stood there three times, and one of weight 0 as if it were not there."""
    rng = np.random.default_rng(3)
    truth, probabilities = np.arange(9) % 3, rng.random((9, 3)).astype(np.float32)
    often = np.array([1, 3, 2, 0, 1, 1, 2, 0, 1])
    repeated = np.repeat(np.arange(9), often)

    weighted = METRICS[name].score(truth, said(probabilities), often[None].astype(np.float64))

    assert weighted == pytest.approx(METRICS[name].score(truth[repeated], said(probabilities[repeated]), np.ones((1, len(repeated)))))


def test_roc_auc_of_a_resample_without_two_classes_is_unknown() -> None:
    """A resample that drew only zeros says nothing about the ranking."""
    assert np.isnan(class_roc_auc(TRUTH, said(PROBABILITIES), np.array([[2.0, 2.0, 0.0, 0.0]])))


def test_rows_of_the_confusion_are_true_labels() -> None:
    """One 0 was taken for a 1; the 2 that nobody is keeps its row and column."""
    assert confusion(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]), 3) == ((1, 1, 0), (0, 2, 0), (0, 0, 0))


def ranked(predictions: np.ndarray, decided: np.ndarray | None = None) -> Answers:
    return Answers(predictions, predictions if decided is None else decided)


def test_the_partial_area_worked_out_by_hand() -> None:
    """Ten normal samples: the bound of 0.1 is reached with the first false alarm; above it half of the anomalies are found."""
    truth = np.array([1, 1, 0, 1, 1] + [0] * 9)
    errors = np.array([9.0, 8.0, 7.0, 6.0, 5.0] + [1.0] * 9)

    value = partial_auc(truth, ranked(errors), once(truth))[0]

    # the curve: (0, 0.5), then flat to (0.1, 0.5): area 0.05; low = 0.005, high = 0.1: (1 + (0.05 - 0.005) / 0.095) / 2
    assert value == pytest.approx((1 + 0.045 / 0.095) / 2)


@settings(deadline=None)  # other work on the machine is no failure
@given(st.integers(0, 10_000), st.integers(4, 60), st.integers(3, 30))
def test_areas_are_those_of_scikit_learn(seed: int, samples: int, values: int) -> None:
    """On coarse errors, which have ties across the bound."""
    rng = np.random.default_rng(seed)
    truth = np.concatenate([[0, 1], rng.integers(2, size=samples)])
    errors = rng.integers(0, values, size=len(truth)).astype(np.float64)

    assert partial_auc(truth, ranked(errors), once(truth))[0] == pytest.approx(roc_auc_score(truth, errors, max_fpr=0.1))
    assert roc_auc(truth, ranked(errors), once(truth))[0] == pytest.approx(roc_auc_score(truth, errors))


@settings(deadline=None)  # other work on the machine is no failure
@given(st.integers(0, 10_000), st.integers(2, 30), st.integers(1, 3))
def test_errors_of_values_are_those_of_scikit_learn(seed: int, samples: int, values: int) -> None:
    """Also far from zero, where sums of squares would cancel."""
    rng = np.random.default_rng(seed)
    truth = (rng.normal(size=(samples, values)) + 1000).astype(np.float32)
    answers = ranked((truth + rng.normal(size=truth.shape)).astype(np.float32))
    pair = (truth.astype(np.float64), answers.predictions.astype(np.float64))

    assert mean_absolute_error(truth, answers, once(truth))[0] == pytest.approx(sklearn.metrics.mean_absolute_error(*pair))
    assert root_mean_squared_error(truth, answers, once(truth))[0] == pytest.approx(np.sqrt(sklearn.metrics.mean_squared_error(*pair)))
    assert r2(truth, answers, once(truth))[0] == pytest.approx(sklearn.metrics.r2_score(*pair), rel=1e-4, abs=1e-4)


def test_r2_of_values_that_do_not_vary_is_unknown() -> None:
    """There is nothing to explain."""
    assert np.isnan(r2(np.full((3, 1), 5.0), ranked(np.zeros((3, 1))), np.ones((1, 3))))


def test_f1_of_several_labels_is_their_mean() -> None:
    """Label 0: found once, said wrongly once, 2/3; label 1: missed, 0; label 2, which nobody has and nobody says, is left out."""
    truth = np.array([[1, 0, 0], [0, 1, 0]])
    decided = np.array([[1, 0, 0], [1, 0, 0]])

    assert f1(truth, ranked(truth, decided), once(truth))[0] == pytest.approx(1 / 3)


@pytest.mark.parametrize("metric", [f1, partial_auc, roc_auc, mean_absolute_error, root_mean_squared_error, r2])
def test_weights_are_repetitions_of_the_others_too(metric: Callable[..., np.ndarray]) -> None:
    """As above."""
    rng = np.random.default_rng(5)
    truth, numbers, often = np.arange(9) % 2, rng.random(9), np.array([1, 3, 2, 1, 1, 1, 2, 0, 1])
    repeated = np.repeat(np.arange(9), often)

    weighted = metric(truth, ranked(numbers, numbers > 0.5), often[None].astype(np.float64))

    assert weighted == pytest.approx(metric(truth[repeated], ranked(numbers[repeated], numbers[repeated] > 0.5), np.ones((1, len(repeated)))))
