"""Sizes worked out by hand, for small models as TensorFlow converts them and for graphs made by hand."""

import io
import struct
import zipfile

import numpy as np
import pytest
import tflite

from emberflow.errors import GraphError
from emberflow.evaluate.size import ROLES, measure_size

OPERATOR = tflite.BuiltinOperator
TYPE = tflite.TensorType

# The image model, 6 x 6 x 2 to 20 classes:
#   operator     weights            bias  output          multiply-accumulates
#   CONV_2D      4 * 3*3 * 2 =   72    4  6*6*4 = 144     144 * 18 = 2592
#   DEPTHWISE    3*3 * 4     =   36    4  4*4*4 =  64      64 *  9 =  576
#   RESHAPE                               64
#   DENSE        20 * 64     = 1280   20  20               20 * 64 = 1280
#   SOFTMAX                               20
# Alive at once: 72 + 144 = 216 elements, then 144 + 64 = 208, then 64 + 64, 64 + 20, 20 + 20. The first channel of CONV_2D is zero.
IMAGE_PARAMETERS = 72 + 4 + 36 + 4 + 1280 + 20
IMAGE_MACS = 2592 + 576 + 1280
IMAGE_SPARSITY = 18 / (72 + 36 + 1280)
IMAGE_OPERATORS = {"CONV_2D": 1, "DEPTHWISE_CONV_2D": 1, "FULLY_CONNECTED": 1, "RESHAPE": 1, "SOFTMAX": 1}


@pytest.mark.parametrize(
    ("number_format", "peak_activation_bytes", "operators"),
    [
        ("float32", 216 * 4, IMAGE_OPERATORS),
        ("float16", 216 * 4, IMAGE_OPERATORS | {"DEQUANTIZE": 6}),  # three weights and three biases, computed with in float32
        ("dynamic", 216 * 4, IMAGE_OPERATORS),
        ("int8", 216, IMAGE_OPERATORS),
        ("int16x8", 216 * 2, IMAGE_OPERATORS),
    ],
)
def test_size_of_an_image_model(tiny_tflite, number_format, peak_activation_bytes, operators):
    """The format changes the width of activations, and nothing that is counted in elements."""
    data = tiny_tflite("image", number_format)

    size = measure_size(data)

    assert size.file_bytes == len(data)
    assert (size.parameters, size.macs) == (IMAGE_PARAMETERS, IMAGE_MACS)
    assert size.peak_activation_bytes == peak_activation_bytes
    assert size.operators == operators
    assert size.sparsity == pytest.approx(IMAGE_SPARSITY)


# Weights are k/64 with k from 1 to 64, then -1 to -64, round and round: 128 values.
# CONV_2D: 72 in a row are different; 18 of them, the first channel, are zero instead: 54 + 1 values; 18 in any other channel.
# DEPTHWISE: 36 in a row. DENSE: unit u has every 20th; 20 * i mod 128 takes 128 / gcd(20, 128) = 32 values.
# A step of 1/64 is wider than a scale of at most 1/127, so that int8 keeps what differs within a channel.
@pytest.mark.parametrize(
    ("number_format", "dtypes", "distinct"),
    [
        ("float32", ["float32", "float32", "float32"], [55, 36, 128]),
        ("float16", ["float16", "float16", "float16"], [55, 36, 128]),
        ("dynamic", ["float32", "float32", "int8"], [55, 36, None]),  # the converter leaves tensors under 1024 elements in float
        ("int8", ["int8", "int8", "int8"], None),
        ("int16x8", ["int8", "int8", "int8"], None),
    ],
)
def test_layers_of_an_image_model(tiny_tflite, number_format, dtypes, distinct):
    """Weights as they are stored, under the operator that uses them at last."""
    layers = measure_size(tiny_tflite("image", number_format)).layers

    assert [layer.operator for layer in layers] == ["CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"]
    assert [layer.shape for layer in layers] == [(4, 3, 3, 2), (1, 3, 3, 4), (20, 64)]
    assert [layer.dtype for layer in layers] == dtypes
    assert [layer.parameters for layer in layers] == [72, 36, 1280]
    assert [layer.sparsity for layer in layers] == [18 / 72, 0, 0]
    assert [layer.distinct_per_channel for layer in layers] == [18, 9, 32]
    for layer, expected in zip(layers, distinct or [], strict=False):
        assert expected in (None, layer.distinct)


# The signal model, 16 steps of 3 channels to 2 classes. Conv1D becomes RESHAPE or EXPAND_DIMS, CONV_2D, RESHAPE:
#   RESHAPE  1*1*16*3 = 48; CONV_2D 4 * 5*3 = 60 weights, 4 biases, 12*4 = 48 outputs of 15; RESHAPE 48; MEAN 4; DENSE 2*4 weights, 2 biases
# Alive at once: 48 + 48 elements, three times over.
@pytest.mark.parametrize(("number_format", "width"), [("float32", 4), ("float16", 4), ("int8", 1), ("int16x8", 2)])
def test_size_of_a_signal_model(tiny_tflite, number_format, width):
    """A RESHAPE counts as a tensor of its own; its shape is no parameter."""
    size = measure_size(tiny_tflite("signal", number_format))

    assert (size.parameters, size.macs) == (60 + 4 + 8 + 2, 48 * 15 + 2 * 4)
    assert size.peak_activation_bytes == (48 + 48) * width
    assert [(layer.operator, layer.shape) for layer in size.layers] == [("CONV_2D", (4, 1, 5, 3)), ("FULLY_CONNECTED", (2, 4))]
    assert size.sparsity == pytest.approx(15 / 68)


def test_open_batch_weighs_as_one(tiny_tflite):
    """What `from_keras_model` leaves open stands as 1 in the file."""
    opened, fixed = (measure_size(tiny_tflite("signal", "float32", batch)) for batch in (None, 1))

    assert (opened.macs, opened.parameters, opened.peak_activation_bytes) == (fixed.macs, fixed.parameters, fixed.peak_activation_bytes)
    assert opened.operators == {"CONV_2D": 1, "EXPAND_DIMS": 1, "FULLY_CONNECTED": 1, "MEAN": 1, "RESHAPE": 1}


@pytest.mark.parametrize(("number_format", "peak_activation_bytes"), [("float32", (24 + 32 + 4 + 4) * 4), ("int8", 24 + 32 + 4 + 4 * 2)])
def test_size_of_a_recurrent_model(tiny_tflite, number_format, peak_activation_bytes):
    """An LSTM's two states live all the time (int8 output, int16 cell); four gates of 4*3 + 4*4 weights and 4 biases; dense 2*4 + 2."""
    size = measure_size(tiny_tflite("recurrent", number_format))

    assert size.parameters == 4 * (12 + 16 + 4) + 8 + 2
    assert size.peak_activation_bytes == peak_activation_bytes
    assert [layer.parameters for layer in size.layers] == [12] * 4 + [16] * 4 + [8]


def test_compressed_bytes_are_those_inside_a_zip(tiny_tflite):
    """DEFLATE at level 9, without the zip's headers."""
    data, archive = tiny_tflite("image", "int8"), io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
        file.writestr("model.tflite", data)

    assert measure_size(data).compressed_bytes == file.getinfo("model.tflite").compress_size


@pytest.fixture
def dense(models):
    """The size of a dense layer (1, 4) to (1, 3) with 12 weight codes, quantized as given."""

    def measure(codes, **quantization):
        tensors = (
            models.TensorSpec("x", (1, 4)),
            models.TensorSpec("y", (1, 3)),
            models.TensorSpec("weights", (3, 4), data=np.array(codes, np.int8).tobytes(), **quantization),
        )
        step = models.OperatorSpec(OPERATOR.FULLY_CONNECTED, (0, 2, -1), (1,), "FullyConnectedOptions")
        return measure_size(models.write_tflite(tensors, (step,)))

    return measure


ROWS = [[0, 1, 2, 3], [1, 1, 1, 0], [2, 2, 0, 0]]


@pytest.mark.parametrize(
    ("quantization", "sparsity", "distinct_per_channel"),
    [
        ({"scales": (0.5,), "zero_points": (0,)}, 4 / 12, 4),
        ({"scales": (0.5,), "zero_points": (2,)}, 3 / 12, 4),
        ({"scales": (0.5, 0.5, 0.5), "zero_points": (0, 1, 2)}, (1 + 3 + 2) / 12, 4),  # each row has a zero point of its own
        ({"scales": (0.5,) * 4, "zero_points": (1, 1, 2, 3), "axis": 1}, (1 + 2 + 1 + 1) / 12, 3),  # and so has each column
    ],
)
def test_zero_is_the_code_of_the_zero_point(dense, quantization, sparsity, distinct_per_channel):
    """Rows hold 4, 2 and 2 distinct codes, columns 3, 2, 3 and 2; the channels lie where the scales do."""
    (layer,) = dense(ROWS, **quantization).layers

    assert layer.sparsity == pytest.approx(sparsity)
    assert (layer.distinct, layer.distinct_per_channel) == (4, distinct_per_channel)


def test_codes_without_a_scale_are_no_parameters(dense):
    """Integers that stand for themselves are arithmetic on shapes."""
    size = dense(ROWS)

    assert (size.parameters, size.layers, size.sparsity) == (0, (), 0.0)


def float_graph(models, operators, constants, count=6):
    """A graph over x, y and more float tensors of 4 elements; `constants` by index, as lists of floats."""
    tensors = tuple(
        models.TensorSpec(f"t{index}", (1, 4), TYPE.FLOAT32, np.array(constants.get(index, []), np.float32).tobytes()) for index in range(count)
    )
    return measure_size(models.write_tflite(tensors, operators))


def test_shared_constant_counts_once(models):
    """Two additions of the same four numbers."""
    operators = (models.OperatorSpec(OPERATOR.ADD, (0, 2), (3,)), models.OperatorSpec(OPERATOR.MUL, (3, 2), (1,)))

    assert float_graph(models, operators, {2: [1, 2, 3, 4]}).parameters == 4


def test_tensors_that_share_a_buffer_count_once(models):
    """The converter writes equal biases once: tensors 2 and 3 of four elements have one buffer."""
    tensors = (
        models.TensorSpec("x", (1, 4), TYPE.FLOAT32),
        models.TensorSpec("y", (1, 4), TYPE.FLOAT32),
        models.TensorSpec("a", (4,), TYPE.FLOAT32, struct.pack("<4f", 1, 2, 3, 4)),
        models.TensorSpec("b", (4,), TYPE.FLOAT32, buffer=3),  # buffer 0 is empty, buffer i + 1 is that of tensor i
        models.TensorSpec("z", (1, 4), TYPE.FLOAT32),
    )
    operators = (models.OperatorSpec(OPERATOR.ADD, (0, 2), (4,)), models.OperatorSpec(OPERATOR.ADD, (4, 3), (1,)))

    assert measure_size(models.write_tflite(tensors, operators)).parameters == 4


def test_dequantized_weights_belong_to_their_user(models):
    """int8 codes 5 6 7 8 with zero point 5: one zero. The float weights that come out are no activation: x and y are 16 + 4 bytes."""
    tensors = (
        models.TensorSpec("x", (1, 4), TYPE.FLOAT32),
        models.TensorSpec("y", (1, 1), TYPE.FLOAT32),
        models.TensorSpec("codes", (1, 4), data=bytes([5, 6, 7, 8]), scales=(0.5,), zero_points=(5,)),
        models.TensorSpec("weights", (1, 4), TYPE.FLOAT32),
    )
    operators = (
        models.OperatorSpec(OPERATOR.DEQUANTIZE, (2,), (3,)),
        models.OperatorSpec(OPERATOR.FULLY_CONNECTED, (0, 3), (1,), "FullyConnectedOptions"),
    )

    size = measure_size(models.write_tflite(tensors, operators))

    (layer,) = size.layers
    assert (layer.name, layer.operator, layer.dtype, layer.sparsity) == ("codes", "FULLY_CONNECTED", "int8", 0.25)
    assert (size.parameters, size.peak_activation_bytes) == (4, 16 + 4)


def test_shortcut_keeps_its_tensor_alive(models):
    """x -> a -> b -> (b + a): while b is written and read, a lives on. RELU x->a, TANH a->b, ADD: 2, 2, then 3 tensors of 16 bytes."""
    operators = (
        models.OperatorSpec(OPERATOR.RELU, (0,), (2,)),
        models.OperatorSpec(OPERATOR.TANH, (2,), (3,)),
        models.OperatorSpec(OPERATOR.ADD, (3, 2), (1,)),
    )

    assert float_graph(models, operators, {}).peak_activation_bytes == 3 * 16


def test_input_lives_until_its_last_reader(models):
    """x -> a -> b, then x + b: x, a and b at once, then x, b and y."""
    operators = (
        models.OperatorSpec(OPERATOR.RELU, (0,), (2,)),
        models.OperatorSpec(OPERATOR.TANH, (2,), (3,)),
        models.OperatorSpec(OPERATOR.ADD, (0, 3), (1,)),
    )

    assert float_graph(models, operators, {}).peak_activation_bytes == 3 * 16


def test_result_that_nobody_reads_lives_for_a_moment(models):
    """RELU x->a is dead after it, but not while it is written: x, a; then x, y."""
    operators = (models.OperatorSpec(OPERATOR.RELU, (0,), (2,)), models.OperatorSpec(OPERATOR.TANH, (0,), (1,)))

    assert float_graph(models, operators, {}).peak_activation_bytes == 2 * 16


def test_outputs_live_to_the_end(models):
    """y is written first; a, b and c follow: x, y, a at once, then y, a, b, then y, b, c."""
    operators = (
        models.OperatorSpec(OPERATOR.RELU, (0,), (1,)),
        models.OperatorSpec(OPERATOR.TANH, (0,), (2,)),
        models.OperatorSpec(OPERATOR.RELU, (2,), (3,)),
        models.OperatorSpec(OPERATOR.RELU, (3,), (4,)),
    )

    assert float_graph(models, operators, {}).peak_activation_bytes == 3 * 16


def test_graph_without_operators_weighs_its_input(models):
    """What goes in comes out."""
    data = models.write_tflite((models.TensorSpec("x", (1, 4)),), (), inputs=(0,), outputs=(0,))

    size = measure_size(data)

    assert (size.peak_activation_bytes, size.macs, size.parameters, size.sparsity, size.operators) == (4, 0, 0, 0.0, {})


@pytest.mark.parametrize(
    ("shape", "data", "distinct_per_channel"),
    [((), [1.0], 1), ((4,), [1, 1, 2, 3], 1), ((2, 2), [1, 1, 2, 3], 2), ((1, 4), [1, 1, 2, 2], 2)],
)
def test_distinct_values_of_any_shape(models, shape, data, distinct_per_channel):
    """The rows of a table that GATHER reads are its channels; a scalar is one."""
    values = np.array(data, np.float32)
    tensors = (models.TensorSpec("i"), models.TensorSpec("y"), models.TensorSpec("table", shape, TYPE.FLOAT32, values.tobytes()))
    step = models.OperatorSpec(OPERATOR.GATHER, (2, 0), (1,), "GatherOptions")

    (layer,) = measure_size(models.write_tflite(tensors, (step,))).layers

    assert (layer.distinct, layer.distinct_per_channel) == (len(set(data)), distinct_per_channel)


def test_what_is_no_model_is_refused():
    """The reader's message."""
    with pytest.raises(GraphError, match=r"expected a \.tflite"):
        measure_size(b"PK\x03\x04 a zip")


def test_mutated_models_give_a_size_or_a_graph_error(tiny_tflite):
    """300 seeded mutations of single bytes: whatever can be read can be measured or is refused, and nothing else happens."""
    original, generator, measured = tiny_tflite("image", "int8"), np.random.default_rng(7), 0
    for _ in range(300):
        data = bytearray(original)
        for place in generator.integers(len(data), size=3):
            data[place] = generator.integers(256)
        try:
            size = measure_size(bytes(data))
        except GraphError:
            continue
        measured += 1
        assert size.file_bytes == len(original)

    assert 0 < measured < 300


def test_every_role_has_a_name_of_the_schema():
    """A misspelt name would never be counted."""
    assert set(ROLES) <= set(vars(OPERATOR))
