"""Two small networks asked the same samples: losses counted by hand, labels that differ, shapes that don't meet."""

from dataclasses import replace

import numpy as np
import pytest

from emberflow.evaluate import litert, micro
from emberflow.evaluate.contest import Ground, Rival, compete
from emberflow.evaluate.paired import drop
from emberflow.measure import Measure
from emberflow.standardization import Standardization
from emberflow.task.classification import Classification
from tests.adapters.a_network import network

RULES = Classification()
LABELS = ("PEN", "ABD", "ROW")
X = np.random.default_rng(1).normal(0, 3, (200, 8)).astype(np.float32)
OLD, NEW = Rival(network(4), None, LABELS), Rival(network(5), None, LABELS)


def decisions(model, x=X):
    return micro.run(model, x).reshape(len(x), -1).argmax(axis=1)


GROUND = Ground(X, decisions(OLD.model), LABELS, None, Measure(name="accuracy"), 0.95, is_microcontroller=True)


def test_a_version_loses_nothing_against_itself():
    """The truth is what the champion says, so both are always right."""
    contest = compete(OLD, OLD, GROUND)

    assert (1.0, 1.0, 0.0) == (contest.champion, contest.challenger, contest.loss.estimate)
    assert 200 == contest.samples
    assert ("", ()) == (contest.refusal, contest.notes)


def test_the_loss_is_the_share_of_samples_that_only_the_champion_got_right():
    """Where the two decide differently, for the champion is always right; the interval is that of a variant's loss."""
    differ = float(np.mean(decisions(OLD.model) != decisions(NEW.model)))

    contest = compete(OLD, NEW, GROUND)

    assert 0 < differ < 1
    assert (1.0, pytest.approx(1 - differ)) == (contest.champion, contest.challenger)
    answers = [micro.run(rival.model, X).reshape(200, 3).astype(np.float32) for rival in (OLD, NEW)]
    assert drop(RULES.metrics["accuracy"], GROUND.truth, *(RULES.decide(each, ()) for each in answers)) == contest.loss


def test_each_class_has_its_own_loss():
    """Recall: of the samples of a class, the share that is found; counted by hand."""
    contest = compete(OLD, NEW, GROUND)

    assert list(LABELS) == [each.label for each in contest.classes]
    for place, each in enumerate(contest.classes):
        of_class = GROUND.truth == place
        assert (LABELS[place], int(of_class.sum())) == (each.label, each.samples)
        assert float(np.mean(decisions(NEW.model)[of_class] == place)) == each.challenger
        assert each.loss.estimate == pytest.approx(each.champion - each.challenger)


def test_more_confidence_is_a_wider_interval():
    """By the ratio of the normal distribution's points: 2.576 to 1.960."""
    usual, sure = (compete(OLD, NEW, replace(GROUND, confidence=confidence)).loss for confidence in (0.95, 0.99))

    assert usual.estimate == sure.estimate
    assert (sure.high - sure.low) / (usual.high - usual.low) == pytest.approx(2.5758 / 1.9600, abs=1e-3)


def test_another_metric_is_compared_too():
    """macro_f1 by its bootstrap, wider with more confidence."""
    usual, sure = (compete(OLD, NEW, replace(GROUND, measure=Measure(name="macro_f1"), confidence=confidence)).loss for confidence in (0.95, 0.99))

    assert sure.high - sure.low > usual.high - usual.low > 0


def test_on_a_linux_device_litert_decides():
    """The runtime that serves is the one that is scored."""
    contest = compete(OLD, NEW, replace(GROUND, is_microcontroller=False))

    on_linux = litert.run(NEW.model, X).reshape(200, -1).argmax(axis=1)
    assert float(np.mean(on_linux == GROUND.truth)) == contest.challenger


def test_each_is_given_samples_by_its_own_standardization():
    """The champion learned with other figures: its samples are brought back and standardized by its own, and a note says so."""
    now, then = (Standardization(mean=(mean,) * 8, std=(std,) * 8) for mean, std in ((1.0, 2.0), (0.0, 4.0)))
    ground = replace(GROUND, x=now.apply(X), standardization=now)
    contest = compete(replace(OLD, standardization=then), replace(OLD, standardization=now), ground)

    assert float(np.mean(decisions(OLD.model, then.apply(now.undo(now.apply(X)))) == GROUND.truth)) == contest.champion
    assert float(np.mean(decisions(OLD.model, now.apply(X)) == GROUND.truth)) == contest.challenger
    assert contest.notes[0].startswith("the champion standardizes by other figures")


def test_labels_in_another_order_are_the_same_labels():
    """The champion's first output means the new one's second label."""
    turned = replace(OLD, labels=("ABD", "PEN", "ROW"))
    contest = compete(turned, NEW, GROUND)

    swapped = np.array([1, 0, 2])[decisions(OLD.model)]
    assert float(np.mean(swapped == GROUND.truth)) == contest.champion


def test_a_label_that_only_one_knows_is_left_out_and_deciding_for_it_is_wrong():
    """Samples of PEN and ABD count; who says ROW or LIFT is wrong."""
    contest = compete(replace(OLD, labels=("PEN", "ABD", "LIFT")), NEW, GROUND)

    chosen = GROUND.truth < 2
    assert int(chosen.sum()) == contest.samples < 200
    assert float(np.mean((decisions(NEW.model) == GROUND.truth)[chosen])) == contest.challenger
    assert ["PEN", "ABD"] == [each.label for each in contest.classes]
    assert (
        "LIFT: only the champion knows it; compared on the labels that both know",
        "ROW: only the new version knows it; compared on the labels that both know",
    ) == contest.notes


@pytest.mark.parametrize(
    ("champion", "changes", "words"),
    [
        (replace(OLD, labels=("a", "b", "c")), {}, "it tells a, b, c apart, and the data are of PEN, ABD, ROW now: 0 in common"),
        (replace(OLD, labels=("PEN", "b", "c")), {}, "1 in common"),
        (replace(OLD, labels=("PEN", "ABD")), {}, "it gives 3 outputs, and 2 labels are known of it"),
        (OLD, {"x": np.zeros((200, 4, 2), np.float32)}, "it takes samples of shape 8, and the data are of shape 4 x 2 now"),
        (
            replace(OLD, labels=("PEN", "ABD", "LIFT")),
            {"truth": np.full(200, 2)},
            "the test part has no sample of a label that both know (PEN, ABD)",
        ),
        (
            OLD,
            {"truth": np.zeros(200, np.int64), "measure": Measure(name="roc_auc")},
            "roc_auc means nothing for these test samples: a class has none",
        ),
        (
            OLD,
            {"measure": Measure(name="mae")},
            "versions are compared as single-label classifiers, and mae is no metric of those; expected one of accuracy,",
        ),
    ],
)
def test_who_can_not_be_compared_is_refused_in_words(champion, changes, words):
    """No figures then."""
    contest = compete(champion, NEW, replace(GROUND, **changes))

    assert words in contest.refusal
    assert (None, None, ()) == (contest.loss, contest.champion, contest.classes)


def test_a_new_one_that_takes_samples_of_another_shape_is_refused_in_words():
    """The data are as the champion takes them: a model that was brought along, say, of other data."""
    contest = compete(OLD, replace(NEW, model=network(4, inputs=7)), GROUND)

    assert "the new one takes samples of shape 7, and the data are of shape 8 now" == contest.refusal
