"""What the firmware does with outputs: limits in codes decide as thresholds in reals do, and what can't go together is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emberflow.errors import BundleError
from emberflow.evaluate.borders import Border, Borders, dequantize
from emberflow.firmware.decision import Decision
from emberflow.standardization import Standardization
from emberflow.task import TaskKind
from emberflow.task.anomaly import Steps
from emberflow.task.rules import Run

OUTPUT = Border(shape=(1, 1), dtype="int8", scale=1 / 256, zero_point=-128)  # a probability: 0 to 255/256
FLOATS = Border(shape=(1, 1), dtype="float32", scale=0, zero_point=0)


def test_a_limit_worked_out_by_hand():
    """0.25 is the value of code -64, which is not above it; 0.2 lies between those of -77 and -76."""
    assert Decision(TaskKind.BINARY, (0.25,)).limits(OUTPUT) == (-64,)
    assert Decision(TaskKind.MULTI_LABEL, (0.2, 0.999)).limits(OUTPUT) == (-77, 127)


@settings(deadline=None)  # other work on the machine is no failure
@given(st.floats(0.001, 0.999), st.floats(0.0005, 0.01), st.integers(-128, 127), st.sampled_from(["int8", "uint8", "int16"]))
def test_a_limit_decides_as_the_threshold(threshold, scale, zero_point, dtype):
    """Over all codes of the type."""
    border = Border(shape=(1, 1), dtype=dtype, scale=float(np.float32(scale)), zero_point=abs(zero_point) if dtype == "uint8" else zero_point)
    ends = np.iinfo(dtype)
    codes = np.arange(ends.min, ends.max + 1).astype(dtype)

    (limit,) = Decision(TaskKind.BINARY, (threshold,)).limits(border)

    assert np.array_equal(codes > limit, dequantize(codes, border) > np.float32(threshold))


def test_floats_need_no_limit():
    """They are compared as they are."""
    assert Decision(TaskKind.BINARY, (0.25,)).limits(FLOATS) == ()


def test_errors_are_counted_in_steps_where_both_borders_are_integers():
    """And only of anomalies."""
    given, came = (OUTPUT.model_copy(update={"scale": scale}) for scale in (0.5, 0.25))

    assert Decision(TaskKind.ANOMALY, (1.0,)).steps(Borders(input=given, output=came)) == Steps.of(given, came)
    assert Decision(TaskKind.ANOMALY, (1.0,)).steps(Borders(input=FLOATS, output=came)) is None
    assert Decision().steps(Borders(input=given, output=came)) is None


def test_the_hosts_decision_is_the_tasks():
    """A regression's values are undone: 2 * 10 + 100."""
    run = Run.of_floats(np.float32([[0]]), np.float32([[2]]))

    assert Decision(TaskKind.REGRESSION, target=Standardization(mean=(100,), std=(10,))).decide(run).tolist() == [[120]]


@pytest.mark.parametrize(
    ("decision", "outputs", "labels", "told"),
    [
        (Decision(), 3, 2, r"received 3 outputs for 2 labels; expected \(None, 2\), one probability for each label"),
        (Decision(TaskKind.BINARY), 1, 2, r"received 0 thresholds for a binary task of 2 labels; expected 1"),
        (Decision(TaskKind.MULTI_LABEL, (0.5,)), 3, 3, r"received 1 thresholds for a multi_label task of 3 labels; expected 3"),
        (Decision(TaskKind.ANOMALY, (0.5,)), 7, 2, r"received 7 outputs for 2 labels; expected \(None, 8\), the shape of its input"),
        (Decision(TaskKind.REGRESSION, (0.5,)), 1, 1, r"received 1 thresholds for a regression task of 1 labels; expected 0"),
    ],
)
def test_what_does_not_go_together_is_refused(decision, outputs, labels, told):
    """Outputs, labels, thresholds; the input has 8 numbers."""
    with pytest.raises(BundleError, match=told):
        decision.check(outputs, labels, 8)


def test_some_kinds_answer_with_one_label():
    """Others with several, or with values."""
    assert [kind for kind in TaskKind if Decision(kind).has_one_label] == [TaskKind.CLASSIFICATION, TaskKind.BINARY, TaskKind.ANOMALY]
