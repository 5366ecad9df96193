"""Bias, multiplier and shift, packed."""

import numpy as np
import pytest

from emberflow.compiler import compile_model
from emberflow.compiler.requantize import Parity
from emberflow.errors import UnsupportedOperator
from tests.compiler.harness import activation, constant, differing_bytes, one_operator


def dense(weights, scale=0.5, bias=None, output_scale=1.0, input_zero_point=0, **options):
    weights = np.asarray(weights, np.int8)
    inputs = [activation("x", (1, weights.shape[1]), 0.25, input_zero_point), constant("w", weights, (scale,))]
    inputs += [] if bias is None else [constant("b", np.asarray(bias))]
    return one_operator("FULLY_CONNECTED", inputs, [activation("y", (1, len(weights)), output_scale)], "FullyConnectedOptions", **options)


def words(model, parity=Parity.TFLM):
    call = compile_model(model, "m", parity).program.calls[0]
    return next(each.values.tolist() for each in call.constants if each.name.endswith("channels"))


def test_packed_words():
    """0.25 * 0.5 / 1 is 2^30 * 2^(-2 - 31), so right is 2; the bias 10 - 3 * (1 + 2) is 1: 1 * 64 + 2. Then 2 * 2^30 - 2^32."""
    assert [66, -(1 << 31)] == words(dense([[1, 2]], bias=np.array([10], np.int32), input_zero_point=3))


@pytest.mark.parametrize(
    "model",
    [
        dense([[1, 2]], bias=np.array([1 << 26], np.int32), output_scale=2.0**19),  # a bias of more than 26 bits
        dense([[1, 2]], output_scale=0.01),  # a factor above 1, which shifts left
        dense([[1, 2]], output_scale=0.2),  # a factor of 0.625, which doesn't shift
        dense([[1, 2]], output_scale=2.0**21),  # a shift of 23 bits
        dense([[1, 2]], output_scale=2.0**40),  # a factor too small to matter
    ],
)
def test_what_doesnt_pack_is_wide_and_equal(model):
    """Three words: bias, mantissa, shift."""
    assert 3 == len(words(model))
    assert 0 == differing_bytes(model)[0]


def test_bounded_codes_are_wide_and_equal():
    """A fused RELU6 that ends within the type."""
    model = dense([[1, 2]], output_scale=0.1, FusedActivationFunction=3)

    assert 3 == len(words(model))
    assert 0 == differing_bytes(model)[0]


def test_litert_rounds_the_fully_connected_layer_once():
    """So that layer is wide there."""
    assert (2, 3) == tuple(len(words(dense([[1, 2]]), parity)) for parity in Parity)


def test_sums_beyond_32_bits_are_refused():
    """A bias at the end of int32, and then some."""
    with pytest.raises(UnsupportedOperator, match=r"its sums reach 2,147,484,031; expected less than 2\^31"):
        words(dense([[1, 2]], bias=np.array([2**31 - 1], np.int32)))


def test_a_factor_out_of_range_is_refused():
    """Steps of 1e12 become steps of 1e-3."""
    with pytest.raises(UnsupportedOperator, match=r"received a factor of .* expected less than 2\*\*30; convert the model again"):
        words(dense([[1, 2]], scale=1e12, output_scale=1e-3))


def test_biases_are_one_an_output():
    """And int32."""
    with pytest.raises(UnsupportedOperator, match=r"tensor 2 'b' has 2 biases; expected 1, one an output channel"):
        words(dense([[1, 2]], bias=np.array([1, 2], np.int32)))
    with pytest.raises(UnsupportedOperator, match=r"tensor 2 'b' is int16; expected int32"):
        words(dense([[1, 2]], bias=np.array([1], np.int16)))
