from math import sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emberflow.errors import DataError
from emberflow.evaluate import paired
from emberflow.evaluate.metrics import Answers, Metric, mean_absolute_error, once
from emberflow.task.classification import Classification
from emberflow.variant import Interval

RULES = Classification()


def drop(metric: str, truth: np.ndarray, baseline: np.ndarray, variant: np.ndarray) -> Interval:
    return paired.drop(RULES.metrics[metric], truth, RULES.decide(baseline, ()), RULES.decide(variant, ()))


def score(truth: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    answers = RULES.decide(probabilities, ())
    return {name: float(metric.score(truth, answers, once(truth))[0]) for name, metric in RULES.metrics.items()}


def decide(classes: np.ndarray, count: int = 2) -> np.ndarray:
    """Probabilities of 1 for the classes given."""
    return np.eye(count, dtype=np.float32)[classes]


def answer(lost: int, won: int, both: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels all 0; answers of a baseline and a variant that alone are right `lost` and `won` times, and both `both` times."""
    baseline = np.array([0] * lost + [1] * won + [0] * both)
    variant = np.array([1] * lost + [0] * won + [0] * both)
    return np.zeros(len(baseline), np.int64), decide(baseline), decide(variant)


def test_the_drop_of_accuracy_worked_out_by_hand() -> None:
    """Of 98 samples the variant loses 7 and wins 2: with 0.5 in each cell, n is 100, and the cells are 7.5 and 2.5."""
    interval = drop("accuracy", *answer(lost=7, won=2, both=89))

    # centre (7.5 - 2.5) / 100 = 0.05; half width 1.96 * sqrt(7.5 + 2.5 - 5 * 5 / 100) / 100 = 1.96 * sqrt(9.75) / 100
    half = 1.959964 * sqrt(9.75) / 100
    assert interval.estimate == pytest.approx(5 / 98)
    assert (interval.low, interval.high) == pytest.approx((0.05 - half, 0.05 + half))


@pytest.mark.parametrize(
    ("lost", "won", "both", "low", "high"),
    [
        # PropCIs::diffpropci.mp(b = 40, c = 20, n = 160, conf.level = 0.95), which takes c - b: (-0.216017, -0.030896)
        (40, 20, 100, 0.030896, 0.216017),
        # contingencytables' example of Bentur et al. 2009, rows (1, 1) and (7, 12): 23 after the 0.5s, cells 7.5 and 1.5,
        # centre 6 / 23 = 0.26087, half width 1.959964 * sqrt(9 - 36 / 23) / 23 = 0.23236
        (7, 1, 13, 0.02851, 0.49323),
    ],
)
def test_the_interval_of_accuracy_is_the_published_one(lost: int, won: int, both: int, low: float, high: float) -> None:
    """Agresti and Min's, as two R packages have it."""
    interval = drop("accuracy", *answer(lost, won, both))

    assert (interval.low, interval.high) == pytest.approx((low, high), abs=1e-5)


def test_the_interval_keeps_a_width_when_nobody_disagrees() -> None:
    """Fifty samples without a difference don't prove that there is none: 1.96 / 52 either way."""
    interval = drop("accuracy", *answer(lost=0, won=0, both=50))

    assert interval.estimate == 0
    assert (interval.low, interval.high) == pytest.approx((-1.959964 / 52, 1.959964 / 52))


@settings(deadline=None)  # other work on the machine is no failure
@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 60).filter(lambda n: n > 0))
def test_the_interval_of_accuracy_holds_its_estimate(lost: int, won: int, both: int) -> None:
    """Whatever the table, and it stays within -1 and 1."""
    interval = drop("accuracy", *answer(lost, won, both))

    assert -1 <= interval.low <= interval.estimate <= interval.high <= 1


@pytest.mark.parametrize(("lost", "won", "samples"), [(0.06, 0.02, 100), (0.02, 0.02, 200), (0.25, 0.15, 40)])
def test_the_interval_of_accuracy_covers_the_truth(lost: float, won: float, samples: int) -> None:
    """Of 400 simulated tests at least 92 % contain the true drop, where 95 % is promised."""
    rng = np.random.default_rng(11)
    tables = rng.multinomial(samples, [lost, won, 1 - lost - won], size=400)

    intervals = [drop("accuracy", *answer(*map(int, table))) for table in tables]

    covered = sum(i.low <= lost - won <= i.high for i in intervals)
    assert covered >= 0.92 * 400


def simulate(rng: np.random.Generator, samples: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels and two noisy answers to them, the variant's noisier than the baseline's; both see the same signal."""
    truth = rng.permutation(np.arange(samples) % 3)
    signal = decide(truth, 3) + rng.normal(size=(samples, 3)) * 0.5
    variant = signal + rng.normal(size=(samples, 3)) * 0.3
    return truth, signal.astype(np.float32), variant.astype(np.float32)


@pytest.mark.parametrize(("metric", "simulations"), [("macro_f1", 100), ("roc_auc", 100)])
def test_the_bootstrap_covers_the_truth(metric: str, simulations: int) -> None:
    """Of 100 simulated tests at least 90 contain the drop of a test part so large that it stands for the truth."""
    truth, baseline, variant = simulate(np.random.default_rng(1), 200_001)
    true_drop = score(truth, baseline)[metric] - score(truth, variant)[metric]
    rng = np.random.default_rng(2)

    intervals = [drop(metric, *simulate(rng, 150)) for _ in range(simulations)]

    assert true_drop > 0.005
    assert sum(i.low <= true_drop <= i.high for i in intervals) >= 0.9 * simulations


@pytest.mark.parametrize("metric", ["macro_f1", "roc_auc"])
def test_the_bootstrap_estimates_the_plain_difference(metric: str) -> None:
    """The estimate is the difference of the scores, and the same seed gives the same interval."""
    data = simulate(np.random.default_rng(4), 90)

    interval = drop(metric, *data)

    assert interval.estimate == pytest.approx(score(data[0], data[1])[metric] - score(data[0], data[2])[metric])
    assert interval.low < interval.high
    assert interval == drop(metric, *data)


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1", "roc_auc"])
def test_a_better_variant_has_a_negative_drop(metric: str) -> None:
    """Positive is a loss, so exchanging the two changes the sign."""
    truth, better, worse = simulate(np.random.default_rng(5), 300)

    assert drop(metric, truth, worse, better).estimate == pytest.approx(-drop(metric, truth, better, worse).estimate)
    assert drop(metric, truth, worse, better).high < 0


def test_of_an_error_more_is_a_loss() -> None:
    """Lower is better: the variant's mean error is 0.5 larger, and the interval says so with the same sign."""
    truth = np.zeros((40, 1))
    numbers = np.random.default_rng(1).random((40, 1))
    metric = Metric(mean_absolute_error, higher_is_better=False, is_share=False)

    interval = paired.drop(metric, truth, Answers(numbers, numbers), Answers(numbers + 0.5, numbers + 0.5))

    assert (interval.estimate, interval.low, interval.high) == pytest.approx((0.5, 0.5, 0.5))


def test_roc_auc_without_samples_of_a_class_is_refused() -> None:
    """The message says how many classes occur, and what to do."""
    with pytest.raises(DataError, match=r"of 2 classes only 1 occur among the test labels; expected samples of every class.* Split the data anew"):
        drop("roc_auc", *answer(1, 1, 1))


def test_other_classes_than_the_baseline_are_refused() -> None:
    """The message states both shapes."""
    truth, baseline, _ = answer(1, 1, 1)
    variant = decide(truth, 3)

    with pytest.raises(DataError, match=r"shape \(3, 2\) from the baseline and \(3, 3\) from the variant; expected the same samples, and as many"):
        drop("accuracy", truth, baseline, variant)


def test_labels_of_another_length_are_refused() -> None:
    """As everywhere in the metrics."""
    _, baseline, variant = answer(1, 1, 1)

    with pytest.raises(DataError, match=r"received truth of shape \(2,\) and predictions of shape \(3, 2\)"):
        drop("accuracy", np.zeros(2, np.int64), baseline, variant)
