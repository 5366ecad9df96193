import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score, roc_auc_score

from emberflow.errors import DataError, ProjectError
from emberflow.evaluate.metrics import METRICS, applies, as_probabilities, assess, confusion, find_metric, roc_auc, score

TRUTH = np.array([0, 0, 1, 1])
# decided 0, 1, 1, 1
PROBABILITIES = np.array([[0.9, 0.1], [0.4, 0.6], [0.3, 0.7], [0.2, 0.8]], np.float32)


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


@pytest.mark.parametrize(
    ("truth", "classes", "expected"), [([0, 1, 1], 2, True), ([0, 0, 1], 3, False), ([0, 0], 1, False)], ids=["all", "one absent", "one class"]
)
def test_roc_auc_is_left_out_where_it_means_nothing(truth: list[int], classes: int, expected: bool) -> None:
    """It needs two classes or more, each with a sample."""
    labels = np.array(truth)

    assert applies("roc_auc", labels, classes) is expected
    assert ("roc_auc" in score(labels, np.full((len(labels), classes), 0.5, np.float32))) is expected
    assert applies("accuracy", labels, classes)


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

    weighted = METRICS[name](truth, probabilities, often[None].astype(np.float64))

    assert weighted == pytest.approx(METRICS[name](truth[repeated], probabilities[repeated], np.ones((1, len(repeated)))))


def test_roc_auc_of_a_resample_without_two_classes_is_unknown() -> None:
    """A resample that drew only zeros says nothing about the ranking."""
    assert np.isnan(roc_auc(TRUTH, PROBABILITIES, np.array([[2.0, 2.0, 0.0, 0.0]])))


def test_rows_of_the_confusion_are_true_labels() -> None:
    """One 0 was taken for a 1; the 2 that nobody is keeps its row and column."""
    assert confusion(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]), 3) == ((1, 1, 0), (0, 2, 0), (0, 0, 0))


def test_an_assessment_names_the_runtime() -> None:
    """Scores and confusion together, with whose outputs they are."""
    quality = assess("TFLM", TRUTH, PROBABILITIES)

    assert (quality.runtime, quality.samples, quality.confusion) == ("TFLM", 4, ((1, 1), (0, 2)))
    assert quality.scores == score(TRUTH, PROBABILITIES)


def test_one_sigmoid_becomes_two_columns() -> None:
    """The probability of class 1 gets its complement in front."""
    assert as_probabilities(np.array([[0.25], [1.0]], np.float32)).tolist() == [[0.75, 0.25], [0.0, 1.0]]


def test_several_outputs_stay_as_they_are() -> None:
    """Also when they come with axes of length one."""
    assert as_probabilities(PROBABILITIES.reshape(4, 1, 1, 2)).tolist() == PROBABILITIES.tolist()


def test_outputs_that_are_not_finite_are_refused() -> None:
    """The message says how many and which first."""
    with pytest.raises(DataError, match=r"not finite for 2 of 3 samples, first sample 1; expected probabilities\. Look for NaN"):
        as_probabilities(np.array([[0.5, 0.5], [np.nan, 0.5], [np.inf, 0.0]], np.float32))


def test_an_unknown_metric_gets_a_hint() -> None:
    """The message names the metrics there are."""
    with pytest.raises(ProjectError, match=r"received 'acuracy' as a metric; expected one of accuracy, macro_f1, roc_auc\. Did you mean 'accuracy'"):
        find_metric("acuracy")


@pytest.mark.parametrize(("truth", "shape"), [([0, 1, 1], (4, 2)), ([], (0, 2)), ([0, 1], (2,))], ids=["other n", "none", "one axis"])
def test_shapes_that_do_not_go_together_are_refused(truth: list[int], shape: tuple[int, ...]) -> None:
    """The message states both shapes."""
    with pytest.raises(DataError, match=r"received labels of shape \(\d,\) and probabilities of shape \(.*\); expected \(n,\) and \(n, classes\)"):
        score(np.array(truth, np.int64), np.zeros(shape, np.float32))


@pytest.mark.parametrize("label", [-1, 2])
def test_a_label_that_is_no_class_is_refused(label: int) -> None:
    """The message says which labels the model can give."""
    with pytest.raises(DataError, match="but the model gives 2 classes; expected labels from 0 to 1"):
        score(np.array([0, 1, 1, label]), PROBABILITIES)
