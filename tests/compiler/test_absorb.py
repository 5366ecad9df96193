"""Borders that a convolution makes itself, against TFLM, which makes them first."""

from dataclasses import replace

import numpy as np
import pytest
import tflite
from hypothesis import given, settings
from hypothesis import strategies as st

from emberflow.compiler import compile_model
from emberflow.compiler.absorb import absorb_pads, border_of
from emberflow.compiler.lower.window import Axis
from emberflow.graph import read_graph
from tests.compiler.harness import TYPES, activation, constant, differing_bytes
from tests.compiler.lower.test_conv import VALID, conv, depthwise
from tests.models import OperatorSpec, convert, write_tflite

CODE = tflite.BuiltinOperator
AROUND = [(0, 0), (1, 1), (1, 1), (0, 0)]


def behind_a_pad(parts, paddings, readers=1, padded=None, outputs=(), dtype=np.int32):
    """A model: PAD around what `parts`, arguments of `several_operators`, reads first; then those, `readers` times.

    Args:
        padded: makes the padded tensor another one. outputs: tensors that are read by the caller too, of 0 (image), 1 (paddings), 2 (padded).
    """
    code, (image, *constants), (result,), kind, options = parts
    inside = tuple(size - sum(pair) for size, pair in zip(image.shape, paddings, strict=True))
    tensors = [replace(image, name="image", shape=inside), constant("paddings", np.array(paddings, dtype)), (padded or (lambda each: each))(image)]
    operators = [OperatorSpec(CODE.PAD, (0, 1), (2,), "PadOptions")]
    for _ in range(readers):
        first = len(tensors)
        tensors += [*constants, replace(result, name=f"y{first}")]
        inputs = (2, *range(first, first + len(constants)))
        operators.append(OperatorSpec(getattr(CODE, code), inputs, (len(tensors) - 1,), kind, options))
    results = tuple(index for operator in operators[1:] for index in operator.outputs)
    return write_tflite(tuple(tensors), tuple(operators), inputs=(0,), outputs=(*results, *outputs))


@st.composite
def windows(draw):
    """A window of VALID padding over an image, and the border of that; places may lie in the border with all of their taps."""
    kernel, paddings = [], [(0, 0)]
    stride, dilation = draw(st.sampled_from([(1, 1), (2, 1), (3, 1), (1, 2), (1, 4)]))
    size = []
    for _ in "yx":
        before, image, behind = draw(st.integers(0, 9)), draw(st.integers(1, 6)), draw(st.integers(0, 4))
        size.append(before + image + behind)
        kernel.append(draw(st.integers(1, min(4, (size[-1] - 1) // dilation + 1))))
        paddings.append((before, behind))
    output = tuple(Axis(s, 0, k, stride, dilation).steps("VALID") for s, k in zip(size, kernel, strict=True))
    window = {"kernel": tuple(kernel), "size": tuple(size), "output": output, "stride": stride, "dilation": dilation, "padding": VALID}
    return window, [*paddings, (0, 0)]


@settings(max_examples=25, deadline=None)
@given(windows(), st.integers(1, 9), st.integers(1, 9), st.integers(1, 2), st.integers(0, 10**6))
def test_a_conv_that_makes_its_border_equals_tflm(window, channels, depth, readers, seed):
    """Any border, on any side."""
    model = behind_a_pad(conv(window[0], channels, depth, 1, seed), window[1], readers)

    assert "PAD" not in {call.operator.name for call in compile_model(model, "m").program.calls}
    assert 0 == differing_bytes(model, samples=8)[0]


@settings(max_examples=25, deadline=None)
@given(windows(), st.integers(1, 9), st.integers(1, 2), st.integers(0, 10**6))
def test_a_depthwise_conv_that_makes_its_border_equals_tflm(window, channels, multiplier, seed):
    """The one with a plane of its own among them."""
    model = behind_a_pad(depthwise(window[0], channels, multiplier, seed), window[1])

    assert "PAD" not in {call.operator.name for call in compile_model(model, "m").program.calls}
    assert 0 == differing_bytes(model, samples=8)[0]


WINDOW = {"kernel": (3, 3), "size": (6, 6), "output": (4, 4), "stride": 1, "dilation": 1, "padding": VALID}


@pytest.mark.parametrize(
    ("values", "encoding"),
    [(lambda w: w * (w % 4 == 0), "BITMAP"), (lambda w: w // 64 * 64 + 1, "TABLE"), (lambda w: w // 64 * 64 * (w % 4 == 0), "BITMAP_TABLE")],
)
def test_a_conv_of_packed_weights_makes_its_border_too(values, encoding):
    """Of each form that rows of weights have in flash."""
    code, (image, weights, bias), *rest = conv(WINDOW, 16, 8)
    packed = values(np.frombuffer(weights.data, np.int8)).astype(np.int8)
    model = behind_a_pad((code, [image, replace(weights, data=packed.tobytes()), bias], *rest), AROUND)

    assert [each.encoding.name for each in compile_model(model, "m").program.packings] == [encoding]
    assert 0 == differing_bytes(model, samples=8)[0]


def test_a_border_costs_no_memory():
    """Image 4x4x8 and output 4x4x8 are all there is besides the columns; the image with its border, 6x6x8, is not."""
    plan = compile_model(behind_a_pad(conv(WINDOW, 8, 8), AROUND), "m").plan

    assert 2 not in plan.offsets
    assert plan.peak_bytes == 2 * 4 * 4 * 8


def wider(tensor):
    return replace(tensor, scales=(2 * tensor.scales[0],))


@pytest.mark.parametrize(
    "model",
    [
        pytest.param(behind_a_pad(conv(WINDOW, 2, 3), AROUND, outputs=(2,)), id="the caller reads it too"),
        pytest.param(behind_a_pad(conv(WINDOW | {"padding": 0, "output": (6, 6)}, 2, 3), AROUND), id="SAME"),
        pytest.param(behind_a_pad(conv(WINDOW, 2, 3), [(0, 0), (0, 0), (0, 0), (1, 0)]), id="channels"),
    ],
)
def test_a_pad_that_others_need_stays(model):
    """And what is computed equals TFLM."""
    assert "PAD" in {call.operator.name for call in compile_model(model, "m").program.calls}
    assert 0 == differing_bytes(model, samples=8)[0]


@pytest.mark.parametrize(
    ("paddings", "padded", "dtype"),
    [
        pytest.param(AROUND, wider, np.int32, id="another scale"),
        pytest.param(AROUND, lambda each: replace(each, zero_points=(each.zero_points[0] ^ 1,)), np.int32, id="another zero point"),
        pytest.param(AROUND, lambda each: replace(each, shape=(1, 7, 6, 3)), np.int32, id="another shape"),
        pytest.param(AROUND, lambda each: replace(each, type=TYPES["uint8"]), np.int32, id="another type"),
        pytest.param(AROUND, lambda each: replace(each, scales=(), zero_points=()), np.int32, id="no scale"),
        pytest.param(
            AROUND, lambda each: replace(each, scales=each.scales * 3, zero_points=each.zero_points * 3, axis=3), np.int32, id="a scale a channel"
        ),
        pytest.param([(0, 0), (1, -1), (0, 0), (0, 0)], None, np.int32, id="below 0"),
        pytest.param(AROUND, None, np.float32, id="no whole numbers"),
    ],
)
def test_a_pad_that_is_none_stays(paddings, padded, dtype):
    """What a stranger's file may say: the lowerings refuse it, or do what TFLM does."""
    graph = read_graph(behind_a_pad(conv(WINDOW, 2, 3), paddings, padded=padded, dtype=dtype))

    assert [each.name for each in absorb_pads(graph).operators] == ["PAD", "CONV_2D"]


def test_a_wide_border_stays():
    """256 places are more than the kernels' parameters hold."""
    wide = WINDOW | {"size": (260, 6), "output": (258, 4)}
    for before, names in ((255, ["CONV_2D"]), (256, ["PAD", "CONV_2D"])):
        graph = absorb_pads(read_graph(behind_a_pad(conv(wide, 2, 3), [(0, 0), (before, 0), (1, 1), (0, 0)])))
        assert [each.name for each in graph.operators] == names
        assert border_of(graph.operators[-1].options) == (((255, 0), (1, 1)) if len(names) == 1 else ((0, 0), (0, 0)))


def test_another_reader_keeps_the_pad():
    """An operator that slides no window reads the border itself."""
    image, padded = activation("x", (1, 4, 4, 3)), activation("p", (1, 6, 6, 3))
    tensors = (image, constant("paddings", np.array(AROUND, np.int32)), padded, activation("y", padded.shape))
    operators = (OperatorSpec(CODE.PAD, (0, 1), (2,), "PadOptions"), OperatorSpec(CODE.ADD, (2, 2), (3,), "AddOptions"))

    assert len(absorb_pads(read_graph(write_tflite(tensors, operators, inputs=(0,), outputs=(3,)))).operators) == 2


def test_what_keras_pads_is_absorbed_and_equals_tflm():
    """Strides of 2 behind ZeroPadding2D, as MobileNet has them; and borders in front alone, with dilations, as a TCN has them."""
    import tf_keras as keras

    keras.utils.set_random_seed(0)
    layers = keras.layers
    x = image = keras.Input((8, 8, 3))
    x = layers.Conv2D(8, 3, strides=2, activation="relu")(layers.ZeroPadding2D(((0, 1), (0, 1)))(x))
    x = layers.DepthwiseConv2D(3, strides=2, activation="relu")(layers.ZeroPadding2D(((1, 1), (1, 1)))(x))
    for dilation in (1, 2):
        x = layers.Conv2D(8, (1, 3), dilation_rate=dilation, activation="relu")(layers.ZeroPadding2D(((0, 0), (2 * dilation, 0)))(x))
    model = convert(keras.Model(image, layers.Dense(4)(layers.Flatten()(x))), "int8")

    assert sum(operator.name == "PAD" for operator in read_graph(model).operators) == 3  # of four: one was SAME padding, and the converter made it so
    assert "PAD" not in {call.operator.name for call in compile_model(model, "m").program.calls}
    assert 0 == differing_bytes(model, samples=24)[0]
