"""Operators of two operands, against TFLM and by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emberflow.compiler import compile_model
from emberflow.errors import UnsupportedOperator
from tests.compiler.harness import Native, activation, constant, differing_bytes, one_operator, side_by_side

KINDS = {"ADD": "AddOptions", "SUB": "SubOptions", "MUL": "MulOptions"}
"""Of the schema's tables of options, those that hold a fused activation."""
PLAIN = ("plain",)  # these kernels have one path: compilers find SMMULR and SSAT by themselves
CODES = st.integers(-128, 127)
SCALES = st.floats(-4, 1).map(lambda exponent: float(np.float32(10.0**exponent)))
RATIOS = st.floats(-1.5, 1.5).map(lambda exponent: float(10.0**exponent))


@st.composite
def pairs(draw):
    """Shapes of two operands and an output: each axis belongs to both, or to one of them."""
    axes = draw(st.lists(st.tuples(st.integers(1, 4), st.sampled_from(["both", "both", "a", "b"])), min_size=1, max_size=6))
    a, b = ([size if kind in ("both", side) else 1 for size, kind in axes] for side in "ab")
    output = [max(pair) for pair in zip(a, b, strict=True)]
    shorter = draw(st.sampled_from([a, b, []]))
    while len(shorter) > 1 and shorter[0] == 1:
        shorter.pop(0)
    return tuple(a), tuple(b), tuple(output)


def run(code, a, b, scales, points=(0, 0, 0), **options):
    """The codes that compiled C gives for two operands of codes."""
    a, b = np.array(a, np.int8), np.array(b, np.int8)
    inputs = [activation("a", a.shape, scales[0], points[0]), activation("b", b.shape, scales[1], points[1])]
    shape = np.broadcast_shapes(a.shape, b.shape)
    model = one_operator(code, inputs, [activation("y", shape, scales[2], points[2])], KINDS.get(code, ""), **options)
    return Native(compile_model(model, "m")).run([a[np.newaxis], b[np.newaxis]])[0][0].tolist()


def test_add_by_hand():
    """0.5 * (10 - 2) + 0.25 * 3 = 4.75, in steps of 0.5 from zero point -1: 9.5 - 1 = 8.5, of which TFLM makes 9."""
    assert [9] == run("ADD", [10], [3], (0.5, 0.25, 0.5), (2, 0, -1))
    assert [9] == run("ADD", [3], [10], (0.25, 0.5, 0.5), (0, 2, -1))


def test_sub_by_hand():
    """0.5 * 10 - 0.25 * 4 = 4, in steps of 0.5; and the other way round."""
    assert [8] == run("SUB", [10], [4], (0.5, 0.25, 0.5))
    assert [-8] == run("SUB", [4], [10], (0.25, 0.5, 0.5))
    assert [6] == run("SUB", [10], [4], (0.5, 0.5, 0.5))


def test_mul_by_hand():
    """0.5 * (10 - 2) * 0.25 * 3 = 3, in steps of 0.5, from zero point -1; a negative product that fits no code ends at the lowest."""
    assert [5] == run("MUL", [10], [3], (0.5, 0.25, 0.5), (2, 0, -1))
    assert [-128] == run("MUL", [100], [-100], (0.5, 0.25, 0.5), (2, 0, -1))


def test_maximum_and_minimum_compare_codes():
    """Whatever their scales say, as TFLM does."""
    assert [3, 7] == run("MAXIMUM", [3, -1], [2, 7], (1, 1, 1))
    assert [2, -1] == run("MINIMUM", [3, -1], [2, 7], (1, 1, 1))


def test_prelu_by_hand():
    """Above 0, 0.5 * 6 in steps of 0.25; below, 0.5 * -6 times a slope of 0.1 * 5, and one of 0.1 * -5."""
    assert [12, -6, 6] == run("PRELU", [6, -6, -6], [5, 5, -5], (0.5, 0.1, 0.25))


def test_squared_difference_by_hand():
    """(0.5 * 8 - 0.25 * 2)^2 = 12.25, in steps of 0.25, from zero point -20."""
    assert [29] == run("SQUARED_DIFFERENCE", [8], [2], (0.5, 0.25, 0.25), (0, 0, -20))


def test_a_row_is_added_to_each_row():
    """A bias."""
    assert [[11, 22], [13, 24]] == run("ADD", [[1, 2], [3, 4]], [10, 20], (1, 1, 1))


@pytest.mark.parametrize(("scale", "fused", "function"), [(0.06, 0, "ef_add_same"), (0.06, 1, "ef_add_spread"), (9.0, 0, "ef_add_spread")])
def test_the_quick_form_is_for_all_codes_and_usual_scales(scale, fused, function):
    """RELU bounds codes; a step of 9 beside 0.05 needs a shift by 27, beyond which a zero point can't be added in 32 bits."""
    inputs = [activation("a", (1, 64), 0.05), activation("b", (1, 64), 0.05)]
    model = one_operator("ADD", inputs, [activation("y", (1, 64), scale, -100)], "AddOptions", FusedActivationFunction=fused)

    assert function == compile_model(model, "m").program.calls[0].function
    assert 0 == differing_bytes(model, flavours=PLAIN)[0]


def test_fused_relu6():
    """0 and 6 in steps of 0.5 are codes 0 and 12."""
    assert [0, 3, 12] == run("ADD", [-9, 1, 90], [2, 2, 2], (0.5, 0.5, 0.5), FusedActivationFunction=3)


@settings(max_examples=20, deadline=None)
@given(
    shapes=pairs(),
    scale=SCALES,
    ratios=st.tuples(st.one_of(st.just(1.0), RATIOS), RATIOS, RATIOS),
    points=st.tuples(CODES, CODES, CODES),
    fused=st.integers(0, 3),
)
def test_pairs_equal_tflm(shapes, scale, ratios, points, fused):
    """ADD, SUB and MUL of the same operands: any shapes, scales, zero points and fused activation."""
    scales = (scale, scale * ratios[0])
    inputs = [activation(name, shape, s, point) for name, shape, s, point in zip("ab", shapes, scales, points, strict=False)]
    steps = [
        (code, activation(code, shapes[2], out, points[2]), kind, {"FusedActivationFunction": fused})
        for (code, kind), out in zip(KINDS.items(), (max(scales) * ratios[1], max(scales) * ratios[2], scales[0] * scales[1] * 90), strict=True)
    ]

    assert 0 == differing_bytes(side_by_side(inputs, steps), samples=16, flavours=PLAIN)[0]


@settings(max_examples=20, deadline=None)
@given(
    shapes=pairs(),
    scale=SCALES,
    ratios=st.tuples(st.one_of(st.just(1.0), RATIOS), st.floats(0, 2).map(lambda exponent: 10.0**exponent)),
    points=st.tuples(CODES, CODES, CODES),
)
def test_other_pairs_equal_tflm(shapes, scale, ratios, points):
    """MAXIMUM, MINIMUM, PRELU and SQUARED_DIFFERENCE of the same operands."""
    scales = (scale, scale * ratios[0])
    inputs = [activation(name, shape, s, point) for name, shape, s, point in zip("ab", shapes, scales, points, strict=False)]
    outputs = {"MAXIMUM": scale, "MINIMUM": scale, "PRELU": scale * max(scales[1], 1) * ratios[1], "SQUARED_DIFFERENCE": max(scales) ** 2 * ratios[1]}
    steps = [(code, activation(code, shapes[2], out, points[2]), KINDS.get(code, ""), {}) for code, out in outputs.items()]

    assert 0 == differing_bytes(side_by_side(inputs, steps), samples=16, flavours=PLAIN)[0]


@pytest.mark.parametrize("code", list(KINDS))
@pytest.mark.parametrize("position", [0, 1])
def test_a_constant_operand(code, position):
    """Stands in flash."""
    values = constant("c", np.arange(-6, 6, dtype=np.int8).reshape(3, 4), (0.07,), (2,))
    inputs = [activation("x", (1, 2, 3, 4), 0.05, -3)]
    inputs.insert(position, values)

    assert 0 == differing_bytes(one_operator(code, inputs, [activation("y", (1, 2, 3, 4), 0.06, 9)], KINDS[code]))[0]


def test_the_output_may_overwrite_an_operand_of_its_size():
    """Not the one that is repeated, whose elements are read again."""
    model = one_operator("ADD", [activation("a", (1, 4)), activation("b", (1, 3, 4))], [activation("y", (1, 3, 4))], "AddOptions")

    assert ((2, 1),) == compile_model(model, "m").program.calls[0].in_place


@pytest.mark.parametrize(
    ("code", "scales", "message"),
    [
        ("ADD", (0.5, 0.25, 0.5 * 2.0**-18), r"its output's scale 1\.9\d+e-06 is at most 2\*\*-18 of an input's; calibrate again"),
        ("SQUARED_DIFFERENCE", (1.0, 1.0, 2.0**-12), r"its output's scale 0\.000\d+ is too small for squares of its inputs'; calibrate again"),
        ("MUL", (1.0, 1.0, 2.0**-14), "one step of the input is 16,384 steps of the output; calibrate again"),
    ],
)
def test_an_absurd_scale_is_refused(code, scales, message):
    """Of which every code but the zero point would be the highest or lowest."""
    with pytest.raises(UnsupportedOperator, match=message):
        run(code, [1], [1], scales)


def test_other_types_are_refused():
    """ADD of int16 has a kernel of its own in TFLM."""
    inputs = [activation("a", (1, 4), dtype="int16"), activation("b", (1, 4), dtype="int16")]
    with pytest.raises(UnsupportedOperator, match=r"operator 0 ADD .* 'a' is int16; expected int8"):
        compile_model(one_operator("ADD", inputs, [activation("y", (1, 4), dtype="int16")], "AddOptions"), "m")


@pytest.mark.parametrize("code", ["ADD", "SUB", "MUL"])
def test_a_pair_without_options_is_refused(code):
    """TFLM's answer then varies from run to run."""
    inputs = [activation("a", (1, 4)), activation("b", (1, 4))]
    with pytest.raises(UnsupportedOperator, match=rf"operator 0 {code} .* it has no options, so its fused activation is unknown; convert the model"):
        compile_model(one_operator(code, inputs, [activation("y", (1, 4))]), "m")
