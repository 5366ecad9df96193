"""The rules of anomaly detection: errors of reconstruction, exact for integers, and a threshold from normal samples."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emberflow.errors import DataError
from emberflow.evaluate.borders import Border, Borders
from emberflow.task.anomaly import Anomaly, Steps, errors
from emberflow.task.rules import Part, Run

RULES = Anomaly()


def border(dtype, scale=0.0, zero_point=0):
    return Border(shape=(1, 2), dtype=dtype, scale=scale, zero_point=zero_point)


def test_an_error_worked_out_by_hand():
    """Inputs 0.5 * (4 - 2) = 1 and 0.5 * (0 - 2) = -1, outputs 0.25 * (4 - 0) = 1 and 0.25 * 4 = 1: (0 + 4) / 2."""
    run = Run(np.int8([[4, 0]]), np.int8([[4, 4]]), Borders(input=border("int8", 0.5, 2), output=border("int8", 0.25)))

    assert errors(run).tolist() == [2.0]


@settings(deadline=None)  # other work on the machine is no failure
@given(st.integers(0, 10_000))
def test_errors_of_integers_are_exact(seed):
    """As fractions have them, but for the rounding of three factors of 36 bits and of a double."""
    rng = np.random.default_rng(seed)
    inputs, outputs = rng.integers(-128, 128, (2, 1, 40)).astype(np.int8)
    scales = [float(np.float32(scale)) for scale in rng.uniform(0.001, 0.1, 2)]
    given, came = (border("int8", scale, zero).model_copy(update={"shape": (1, 40)}) for scale, zero in zip(scales, (3, -7), strict=True))

    exact = (
        sum((Fraction(scales[0]) * (int(a) - 3) - Fraction(scales[1]) * (int(b) + 7)) ** 2 for a, b in zip(inputs[0], outputs[0], strict=True)) / 40
    )

    assert errors(Run(inputs, outputs, Borders(input=given, output=came)))[0] == pytest.approx(float(exact), rel=1e-9, abs=1e-9)


def test_steps_worked_out_by_hand():
    """Scales 0.5 and 0.25, two numbers a sample: 60 - 16 - 1 = 43 bits, so that 0.25, the largest factor, is 2^42: a step is 2^-44."""
    steps = Steps.of(border("int8", 0.5), border("int8", 0.25))

    assert steps == Steps(ii=2**42, io=2**42, oo=2**40, shift=44, size=2)
    assert steps.count(np.array([[2, -2]]), np.array([[4, 4]])).tolist() == [2 * 2**44 * 2]


@settings(deadline=None)  # other work on the machine is no failure
@given(st.floats(0.0005, 0.2), st.floats(0.0005, 0.2), st.floats(0, 50), st.integers(1, 30_000), st.sampled_from(["int8", "uint8", "int16"]))
def test_a_limit_decides_as_the_threshold(given_scale, came_scale, threshold, size, dtype):
    """For the steps just at it and just above it; and the largest sums that can be keep within 63 bits."""
    given, came = (Border(shape=(1, size), dtype=dtype, scale=float(np.float32(scale)), zero_point=0) for scale in (given_scale, came_scale))
    steps = Steps.of(given, came)
    limit, most = steps.limit(threshold), 2 ** (2 * np.iinfo(dtype).bits) * size

    beyond_reach = limit == 2**62  # of a threshold that no error comes near
    assert (steps.error(np.array(limit)) <= threshold, steps.error(np.array(limit + 1)) <= threshold) == (True, beyond_reach)
    assert (steps.ii + steps.io + steps.oo) * most < 2**63


def test_errors_of_floats_are_plain():
    """The mean of 1 and 9."""
    assert errors(Run.of_floats(np.float32([[1, 0]]), np.float32([[0, 3]]))).tolist() == [5.0]


def test_what_is_above_the_threshold_is_an_anomaly():
    """Not what equals it."""
    assert RULES.decide(np.array([0.1, 0.2, 0.3]), (0.2,)).decided.tolist() == [0, 0, 1]


def test_the_threshold_is_a_quantile_of_the_normal_errors():
    """The median of 1, 2 and 3; the anomaly's 100 has no say."""
    assert RULES.choose(np.array([1.0, 2.0, 100.0, 3.0]), np.array([0, 0, 1, 0]), 0.5) == (2.0,)


@pytest.mark.parametrize("name", ["train", "validation", "calibration"])
def test_without_y_all_is_normal(name):
    """But in the test part."""
    assert RULES.read_truth(Part(name, (2, 3), None, 2)).tolist() == [0, 0]
    with pytest.raises(DataError, match=r"the test part has x of shape \(2, 3\) and no y; expected y of shape \(2,\), integers"):
        RULES.read_truth(Part("test", (2, 3), None, 2))


@pytest.mark.parametrize(
    ("name", "y", "told"),
    [
        ("train", [0, 1], "the train part has 1 samples with y of 1; expected normal samples alone, y of 0 or no y"),
        ("calibration", [1, 1], "the calibration part has 2 samples with y of 1; expected normal samples alone"),
        ("test", [0, 0], "the test part has samples of only one kind; expected normal ones, y of 0, and anomalies, y of 1"),
        ("validation", [1, 1], "the validation part has no normal sample; expected some: the threshold is chosen by their errors"),
        ("validation", [0, 2], "has 1 labels outside 0 to 1"),
    ],
)
def test_a_truth_that_can_not_serve_is_refused(name, y, told):
    """Anomalies in training, a test part without, a validation part of nothing else."""
    with pytest.raises(DataError, match=told):
        RULES.read_truth(Part(name, (2, 3), np.array(y), 2))


def test_labels_are_two_or_none():
    """What is normal first."""
    assert (RULES.name_labels((), None), RULES.name_labels(("well", "worn"), None)) == (("normal", "anomaly"), ("well", "worn"))
    with pytest.raises(DataError, match="for an anomaly task; expected two, what is normal first, or none"):
        RULES.name_labels(("a", "b", "c"), None)


@pytest.mark.parametrize(("outputs", "fits"), [((8, 2), True), ((None, 2), True), ((8, 1), False), ((16,), False)])
def test_a_model_gives_what_it_was_given(outputs, fits):
    """An open axis will do."""
    assert RULES.gives(outputs, 2, (8, 2)) is fits
    assert RULES.expected(2, (8, 2)) == "(None, 8, 2), the shape of its input, which it reconstructs"


def test_the_histogram_holds_every_test_sample():
    """Also the largest error, which is the last edge, and one of zero."""
    truth, scores = np.array([0, 0, 1, 1]), np.array([0.0, 0.1, 0.2, 9.0])

    figures = RULES.figures(truth, RULES.decide(scores, (0.15,)))

    assert figures["confusion"] == ((2, 0), (0, 2))
    assert (sum(figures["histogram"].normal), sum(figures["histogram"].anomalous)) == (2, 2)
    assert len(figures["histogram"].edges) == 41


def test_words_losses_and_faults():
    """For model card and Keras."""
    outputs = np.float32([[np.nan, 0]])

    assert RULES.describe(("normal", "worn")) == "an autoencoder that tells worn from normal by its error"
    assert (RULES.loss(8, "mae"), RULES.absent(np.zeros(2), ("a", "b"))) == ("mse", ())
    assert RULES.find_fault(outputs).startswith("finite numbers")
    with pytest.raises(DataError, match="expected numbers"):
        RULES.predictions(Run.of_floats(outputs, outputs), None)
