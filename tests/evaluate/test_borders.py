import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emberflow.errors import DataError, GraphError
from emberflow.evaluate.borders import Border, check_border, dequantize, quantize

HALF = Border(shape=(1, 1), dtype="int8", scale=0.5, zero_point=-3)


def column(*values: float) -> np.ndarray:
    return np.array(values, np.float32)[:, None]


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        (0.0, -3),
        (0.5, -2),
        (0.25, -2),  # 0.5 steps round away from zero, to 1
        (-0.25, -4),  # -0.5 steps to -1
        (0.75, -1),  # 1.5 steps to 2
        (0.2499999, -3),
        (64.9, 127),  # 130 steps less 3 is 127
        (1e30, 127),
        (-62.5, -128),
        (-1e30, -128),
    ],
)
def test_quantizing_worked_out_by_hand(x: float, expected: int) -> None:
    """With a step of 0.5 and zero at -3: divide, round halves away from zero, subtract 3, clamp to int8."""
    assert quantize(column(x), HALF).item() == expected


def test_rounding_is_that_of_roundf() -> None:
    """The largest float32 below a half goes to 0, though adding 0.5 to it in float32 gives 1."""
    unit = Border(shape=(1, 1), dtype="int8", scale=1.0, zero_point=0)
    below = np.nextafter(np.float32(0.5), np.float32(0))

    assert np.float32(below + np.float32(0.5)) == 1.0
    assert quantize(column(below, -below, 0.5, -0.5), unit).ravel().tolist() == [0, 0, 1, -1]


@pytest.mark.parametrize(("dtype", "low", "high"), [("int8", -128, 127), ("uint8", 0, 255), ("int16", -32768, 32767)])
def test_each_type_is_clamped_to_its_limits(dtype: str, low: int, high: int) -> None:
    """And has the dtype of the model's input."""
    border = Border(shape=(1, 1), dtype=dtype, scale=0.25, zero_point=0)

    q = quantize(column(-1e9, 1e9), border)

    assert (q.dtype.name, q.ravel().tolist()) == (dtype, [low, high])


@settings(deadline=None)  # other work on the machine is no failure
@given(st.sampled_from(["int8", "uint8", "int16"]), st.floats(2**-20, 1000.0, width=32), st.integers(-128, 127))
def test_what_was_dequantized_quantizes_back(dtype: str, scale: float, zero: int) -> None:
    """Every code of the type survives the way out and in again."""
    zero_point = {"int8": zero, "uint8": zero + 128, "int16": 0}[dtype]
    border = Border(shape=(1, 1), dtype=dtype, scale=scale, zero_point=zero_point)
    codes = np.arange(np.iinfo(dtype).min, np.iinfo(dtype).max + 1).astype(dtype)[:, None]

    assert np.array_equal(quantize(dequantize(codes, border), border), codes)


def test_dequantizing_worked_out_by_hand() -> None:
    """(q + 3) times 0.5, as float32."""
    real = dequantize(np.array([[-128], [-3], [127]], np.int8), HALF)

    assert (real.dtype, real.ravel().tolist()) == (np.float32, [-62.5, 0.0, 65.0])


def test_floats_cross_as_they_are() -> None:
    """Both ways."""
    border = Border(shape=(1, 1), dtype="float32", scale=0, zero_point=0)
    x = column(0.1, -1e30)

    assert np.array_equal(quantize(x, border), x)
    assert np.array_equal(dequantize(x, border), x)


def test_samples_of_another_shape_are_refused() -> None:
    """The message states both shapes."""
    with pytest.raises(DataError, match=r"received samples of shape \(2,\); the model takes \(1,\)"):
        quantize(np.zeros((5, 2), np.float32), HALF)


def test_no_samples_are_refused() -> None:
    """Nothing could be measured."""
    with pytest.raises(DataError, match="received no samples; expected at least one"):
        quantize(np.zeros((0, 1), np.float32), HALF)


@pytest.mark.parametrize(
    ("border", "message"),
    [
        (Border(shape=(1, 4), dtype="int64", scale=0, zero_point=0), "the model's input holds int64; expected one of float32, int8, uint8, int16"),
        (Border(shape=(1, 4), dtype="int8", scale=0, zero_point=0), "the model's input holds int8 without a scale; expected a quantized tensor"),
        (Border(shape=(8, 4), dtype="float32", scale=0, zero_point=0), r"has shape \(8, 4\); expected a batch of 1 in front"),
        (Border(shape=(), dtype="float32", scale=0, zero_point=0), r"has shape \(\); expected a batch of 1 in front"),
    ],
    ids=["type", "scale", "batch", "scalar"],
)
def test_borders_that_cannot_be_crossed_are_refused(border: Border, message: str) -> None:
    """The message says which border and what was expected."""
    with pytest.raises(GraphError, match=message):
        check_border(border, "input")
