"""L2_NORMALIZATION: by hand, and its bytes against TFLM and LiteRT's reference."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emberflow.compiler import Parity, compile_model
from emberflow.errors import UnsupportedOperator
from tests.compiler.harness import Native, activation, assert_equals_tflm, differing_bytes, one_operator, random_codes
from tests.fuzz import fence


def normalized(shape, zero_point=0, output=(1 / 128, 0), output_shape=None, scale=0.1, **options):
    inputs, outputs = [activation("x", shape, scale, zero_point)], [activation("y", output_shape or shape, *output)]
    return one_operator("L2_NORMALIZATION", inputs, outputs, "L2NormOptions", **options)


def answer(model, *rows):
    return Native(compile_model(model, "m")).run([np.array([rows], np.int8)])[0][0].tolist()


def test_three_four_five():
    """3/5 and 4/5 of 128 are 76.8 and 102.4, whatever the scale; the input's zero point is 10."""
    assert [[77, -102], [77, -102]] == answer(normalized((2, 2), 10), [13, 6], [40, -30])


def test_a_row_of_zeros_stays():
    """It has no direction; and a single step is all of it, 128, which is no code."""
    assert [[0, 0], [0, 127], [-128, 0]] == answer(normalized((3, 2), 7), [7, 7], [7, 8], [6, 7])


@settings(max_examples=12, deadline=None)
@given(
    shape=st.lists(st.integers(1, 3), max_size=3),
    depth=st.one_of(st.integers(1, 12), st.sampled_from([100, 500])),
    zero_point=st.integers(-128, 127),
    seed=st.integers(0, 10**6),
)
def test_l2_normalization_equals_tflm(shape, depth, zero_point, seed):
    """Any shape."""
    assert 0 == differing_bytes(normalized((*shape, depth), zero_point), samples=16, seed=seed, flavours=("plain",))[0]  # it has one path


@pytest.mark.parametrize("zero_point", [-128, 0, 127])
def test_the_longest_rows_equal_tflm(zero_point):
    """Sums of 31 bits."""
    assert 0 == differing_bytes(normalized((2, 33025), zero_point), samples=8, flavours=("plain",))[0]


@settings(max_examples=8, deadline=None)
@given(depth=st.integers(1, 40), spread=st.integers(1, 12), zero_point=st.integers(-100, 100), seed=st.integers(0, 10**6))
def test_short_vectors_equal_tflm(depth, spread, zero_point, seed):
    """Codes around the zero point, whose sums are small."""
    model = normalized((200, depth), zero_point)
    codes = np.random.default_rng(seed).integers(-spread, spread + 1, (2, 200, depth)) + zero_point

    assert_equals_tflm(model, codes.astype(np.int8))


@settings(max_examples=6, deadline=None)
@given(depth=st.sampled_from([1, 2, 5, 40, 500]), zero_point=st.integers(-128, 127), seed=st.integers(0, 10**6))
def test_the_other_parity_equals_litert(depth, zero_point, seed):
    """Both have the same kernel."""
    model = normalized((1, 3, depth), zero_point)
    compiled = compile_model(model, "m", Parity.LITERT_REFERENCE)
    inputs = [random_codes(np.random.default_rng(seed), compiled.program.graph.tensors[0], 16)]

    assert fence.ask_litert(model, inputs, 1) == Native(compiled).run(inputs)[0].tobytes()


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (normalized((1, 4), output=(1 / 64, 0)), "has scale .* and zero point 0; expected 1/128 and 0; convert the model again"),
        (normalized((1, 33026), 127), r"expected the same shape, and 1 to 33,025 values along the last axis"),
        (normalized((1, 4), output_shape=(4,)), r"leads from shape \(1, 4\) to \(4,\); expected the same shape"),
        (normalized((1, 4), FusedActivationFunction=1), "a fused RELU isn't compiled; expected NONE; write it as an operator of its own"),
    ],
)
def test_what_tflm_does_not_compute_is_refused(model, message):
    """By name, with what to do."""
    with pytest.raises(UnsupportedOperator, match=f"operator 0 L2_NORMALIZATION .*{message}"):
        compile_model(model, "m")
