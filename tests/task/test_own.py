"""A project's own metric: what it is given, and what it may not return."""

import numpy as np
import pytest

from emberflow.errors import ProjectError
from emberflow.evaluate.metrics import Answers, once
from emberflow.task.own import check_own, name_of, own_metric

SOURCE = """
def misses(truth, predictions):
    assert truth.shape == predictions.shape == (len(truth),)
    return abs(truth - predictions).sum()

def rows(truth, predictions):
    return float(predictions.shape == (4, 2))

def nothing(truth, predictions):
    return float("nan")

def words(truth, predictions):
    return "good"

def several(truth, predictions):
    return predictions

def fails(truth, predictions):
    return truth[len(truth)]
"""
TRUTH = np.array([[1.0], [2.0], [3.0], [4.0]])
ANSWERS = Answers(TRUTH + 0.5, TRUTH)


@pytest.fixture
def metric(tmp_path):
    """The metric of a function of the module above."""
    (tmp_path / "own_metrics.py").write_text(SOURCE)
    return lambda name: own_metric(f"own_metrics:{name}", tmp_path, higher_is_better=False)


def test_one_value_a_sample_comes_without_its_axis(metric):
    """Both arrays of shape (n,): four halves."""
    assert metric("misses").score(TRUTH, ANSWERS, once(TRUTH)).tolist() == [2.0]
    assert not metric("misses").higher_is_better


def test_a_weight_repeats_a_sample(metric):
    """As the bootstrap needs it: three of the first, one of the last."""
    assert metric("misses").score(TRUTH, ANSWERS, np.array([[3.0, 0, 0, 1], [1, 0, 0, 0]])).tolist() == [2.0, 0.5]


def test_several_values_keep_their_axis(metric):
    """Probabilities are (n, labels)."""
    assert metric("rows").score(np.zeros(4), Answers(np.zeros((4, 2)), np.zeros(4)), np.ones((1, 4))).tolist() == [1.0]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("words", "'own_metrics:words' returned a str; expected one number for the truth and predictions it was given"),
        ("several", "'own_metrics:several' returned a ndarray; expected one number"),
        ("fails", r"'own_metrics:fails' raised IndexError: .* \(own_metrics.py, line 19\)"),
    ],
)
def test_what_is_no_number_is_refused(metric, name, told):
    """With the function's name."""
    with pytest.raises(ProjectError, match=told):
        metric(name).score(TRUTH, ANSWERS, once(TRUTH))


def test_nan_of_a_whole_part_is_refused(metric):
    """In a resample it may say that it can't tell."""
    assert np.isnan(metric("nothing").score(TRUTH, ANSWERS, once(TRUTH))).all()
    with pytest.raises(ProjectError, match="'own_metrics:nothing' returned nan for 4 samples; expected a finite number: what does it divide by"):
        check_own("own_metrics:nothing", metric("nothing"), TRUTH, ANSWERS)


def test_a_function_that_is_not_there_is_refused(metric):
    """With a hint."""
    with pytest.raises(ProjectError, match=r"has no function 'mises'\. Did you mean 'misses'"):
        metric("mises")


def test_it_is_called_by_its_function():
    """In tables and in MLflow."""
    assert name_of("own_metrics:misses") == "misses"
