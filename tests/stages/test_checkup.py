"""A champion looked at on data that stayed and on data that moved, with a small network and the runtime that serves it."""

import numpy as np
import pytest

from emberflow.drift import Thresholds
from emberflow.errors import DataError
from emberflow.evaluate import litert
from emberflow.evaluate.grading import Grading
from emberflow.stages.checkup import Judged, Question, check
from emberflow.stages.contest import Entrant
from emberflow.standardization import Standardization
from emberflow.task import Task, TaskKind
from tests.adapters.a_network import network

LABELS = ("PEN", "ABD", "ROW")
X = np.random.default_rng(1).normal(0, 3, (200, 8)).astype(np.float32)
QUESTION = Question(project="tiny", version=3, task=Task(), is_microcontroller=False, thresholds=Thresholds())


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


KINDS = {
    "binary": (Task(kind=TaskKind.BINARY, metric="f1", threshold=None), ("no", "yes"), (0.6,), ["predictions"]),
    "multi_label": (Task(kind=TaskKind.MULTI_LABEL, metric="subset_accuracy"), LABELS, (0.5,) * 3, [f"predictions of {each}" for each in LABELS]),
    "regression": (Task(kind=TaskKind.REGRESSION, metric="mae"), LABELS, (), [f"predicted {each}" for each in LABELS]),
    "anomaly": (Task(kind=TaskKind.ANOMALY, metric="roc_auc"), ("normal", "anomaly"), (90.0,), ["error of reconstruction", "predictions"]),
    "own": (
        Task(kind=TaskKind.REGRESSION, metric="own_of_checkup:worst", higher_is_better=False),
        LABELS,
        (),
        [f"predicted {each}" for each in LABELS],
    ),
}


@pytest.fixture
def case(tmp_path, request):
    """`case(kind)`: the champion of that kind and a function that asks how it does on X moved by so much; the truth is what it says of X.

    Its thresholds split X in about halves.
    """
    (tmp_path / "own_of_checkup.py").write_text("def worst(truth, predicted):\n    return abs(truth - predicted).max()\n")

    def make(kind):
        task, labels, thresholds, names = KINDS[kind]
        model = network(4, outputs={"binary": 1, "anomaly": 8}.get(kind, 3))
        (tmp_path / "model.tflite").write_bytes(model)
        champion = Entrant(model=tmp_path / "model.tflite", standardization=None, labels=labels, thresholds=thresholds)
        grading = Grading(task=task, labels=len(labels))
        truth = grading.decide(grading.predictions(model, X, litert.run(model, X)), thresholds).decided
        question = Question(**QUESTION.model_dump() | {"task": task, "folder": tmp_path, "unit": "mm"})

        def ask(by):
            parts = []
            for name, x in (("then", X), ("now", X + by)):
                np.save(tmp_path / f"{name}-x.npy", x.astype(np.float32))
                np.save(tmp_path / f"{name}-y.npy", truth)
                files = {"x": tmp_path / f"{name}-x.npy", "y": tmp_path / f"{name}-y.npy"}
                parts.append(Judged(**files, labels=labels, channels=(), standardization=None))
            return check(champion, *parts, question, lambda line: None)

        return ask, names

    return make


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


@pytest.mark.parametrize("kind", KINDS)
def test_a_champion_of_every_kind_is_steady_on_the_data_of_before(case, kind):
    """Its own metric, and what may drift of its answers, by name."""
    ask, names = case(kind)

    checkup = ask(0)

    assert checkup.findings == ()
    assert names == [drift.name for drift in checkup.predictions]
    assert (checkup.then, checkup.now) == ((0.0, 0.0) if kind in ("regression", "own") else (1.0, 1.0))


@pytest.mark.parametrize("kind", KINDS)
def test_a_champion_of_every_kind_whose_answers_moved_is_told(case, kind):
    """All eight numbers of each sample moved, so every answer did: one that has a distribution says how far, classes have no distance."""
    checkup = case(kind)[0](8)

    moved = {drift.name: drift for drift in checkup.predictions if drift.has_drifted}
    assert moved
    assert all((drift.distance is None) == name.startswith("predictions") for name, drift in moved.items())
    assert all(drift.has_drifted for drift in checkup.inputs)
    assert checkup.measure.loss(checkup.then, checkup.now) > 0
    assert checkup.findings[0].startswith(f"{checkup.measure.name} {'fell' if checkup.measure.higher_is_better else 'rose'} from ")


def test_a_regression_tells_its_error_in_its_unit(case):
    """Of a champion that was never off any loss is more than a share of it; a metric of the project's own has no unit that we know."""
    assert case("regression")[0](8).findings[0].startswith("mae rose from 0.00 mm to ")
    assert case("own")[0](8).findings[0].startswith("worst rose from 0.00 to ")


def test_a_champion_of_another_task_is_refused(champion, judged):
    """The project was a classification when it was made."""
    question = QUESTION.model_copy(update={"task": Task(kind=TaskKind.MULTI_LABEL, metric="macro_f1")})

    with pytest.raises(DataError, match="the champion decides by 0 thresholds, and one for `task: multi_label` decides by 3; retrain the project"):
        told(champion, judged("then", X), judged("now", X), question)


def test_fresh_samples_for_which_the_metric_means_nothing_are_refused(case, tmp_path, monkeypatch):
    """Of only one of two labels no area under a ROC curve can be told."""
    ask, _ = case("anomaly")
    fresh = tmp_path / "now-y.npy"
    monkeypatch.setattr(np, "save", lambda path, array, save=np.save: save(path, np.zeros_like(array) if path == fresh else array))

    with pytest.raises(DataError, match="the metric means nothing here: the test samples are all of one label"):
        ask(0)


def test_samples_of_another_shape_are_refused(champion, judged):
    """Nothing can be compared then."""
    with pytest.raises(DataError, match=r"the champion takes samples of shape \(8,\), and the data are of shape \(7,\) now; retrain the project"):
        told(champion, judged("then", X), judged("now", X[:, :7]), QUESTION)


def test_other_labels_are_refused(champion, judged):
    """Their places would mean something else."""
    with pytest.raises(DataError, match="the champion answers for PEN, ABD, ROW, and the data are of ABD, PEN, ROW now; retrain the project"):
        told(champion, judged("then", X), judged("now", X, labels=("ABD", "PEN", "ROW")), QUESTION)
