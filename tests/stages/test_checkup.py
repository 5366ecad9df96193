"""A champion looked at on data that stayed and on data that moved, with a small network and the runtime that serves it."""

import numpy as np
import pytest

from emberflow.drift import Thresholds
from emberflow.errors import DataError
from emberflow.evaluate import litert
from emberflow.stages.checkup import Judged, Question, check
from emberflow.stages.contest import Entrant
from emberflow.standardization import Standardization
from tests.adapters.a_network import network

LABELS = ("PEN", "ABD", "ROW")
X = np.random.default_rng(1).normal(0, 3, (200, 8)).astype(np.float32)
QUESTION = Question(project="tiny", version=3, metric="accuracy", is_microcontroller=False, thresholds=Thresholds())


@pytest.fixture
def champion(tmp_path):
    (tmp_path / "model.tflite").write_bytes(network(4))
    return Entrant(model=tmp_path / "model.tflite", standardization=None, labels=LABELS)


@pytest.fixture
def judged(tmp_path, champion):
    """A function that writes a test part of these samples, whose truth is what the champion says of X."""
    truth = litert.run(champion.model.read_bytes(), X).reshape(len(X), -1).argmax(axis=1)

    def write(name, x, standardization=None, labels=LABELS):
        np.save(tmp_path / f"{name}-x.npy", standardization.apply(x) if standardization else x)
        np.save(tmp_path / f"{name}-y.npy", truth[: len(x)])
        return Judged(x=tmp_path / f"{name}-x.npy", y=tmp_path / f"{name}-y.npy", labels=labels, channels=(), standardization=standardization)

    return write


def told(*given):
    lines = []
    return check(*given, lines.append), lines


def test_data_that_stayed_give_no_reason(champion, judged):
    """As good as it was, and nothing moved."""
    checkup, lines = told(champion, judged("then", X), judged("now", X), QUESTION)

    assert (checkup.then, checkup.now) == (1.0, 1.0)
    assert checkup.findings == ()
    assert [drift.name for drift in checkup.inputs] == [f"channel {place}" for place in range(8)]
    assert lines == ["accuracy 1.0000, as steady as it was"]


def test_a_channel_that_moved_is_named_alone(champion, judged):
    """By twice its spread; the other seven are as they were, and the metric fell with it."""
    moved = X.copy()
    moved[:, 2] += 6

    checkup, lines = told(champion, judged("then", X), judged("now", moved), QUESTION)

    assert [drift.name for drift in checkup.inputs if drift.has_drifted] == ["channel 2"]
    assert checkup.now < 1
    assert "channel 2 drifted: stability index " in lines[0]


def test_another_standardization_of_the_same_values_is_no_drift(champion, judged):
    """They are compared as the sensor gave them."""
    other = Standardization(mean=tuple(np.arange(8.0)), std=(2.0,) * 8)

    checkup, _ = told(champion, judged("then", X), judged("now", X, other), QUESTION)

    assert checkup.findings == ()


def test_samples_of_another_shape_are_refused(champion, judged):
    """Nothing can be compared then."""
    with pytest.raises(DataError, match=r"the champion takes samples of shape \(8,\), and the data are of shape \(7,\) now; retrain the project"):
        told(champion, judged("then", X), judged("now", X[:, :7]), QUESTION)


def test_other_labels_are_refused(champion, judged):
    """Their places would mean something else."""
    with pytest.raises(DataError, match="the champion tells PEN, ABD, ROW apart, and the data are of ABD, PEN, ROW now; retrain the project"):
        told(champion, judged("then", X), judged("now", X, labels=("ABD", "PEN", "ROW")), QUESTION)
