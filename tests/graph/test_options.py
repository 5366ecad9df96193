"""Options by plain names."""

import pytest
import tflite

from emberflow.errors import GraphError
from emberflow.graph import read_graph
from emberflow.graph.options import OPTIONS, check_present, kind_of, name_options

OPERATOR = tflite.BuiltinOperator


@pytest.fixture(scope="module")
def options_of(models):
    """The options that are read from a file with one operator."""

    def read(code, kind, options):
        tensors = (models.TensorSpec("x", (1, 4, 4, 1)), models.TensorSpec("y", (1, 4, 4, 1)))
        data = models.write_tflite(tensors, (models.OperatorSpec(code, (0,), (1,), kind, options),))
        return read_graph(data).operators[0].options

    return read


@pytest.mark.parametrize(
    ("code", "kind", "options", "expected"),
    [
        (
            OPERATOR.CONV_2D,
            "Conv2DOptions",
            {"Padding": 1, "StrideH": 2, "StrideW": 3, "FusedActivationFunction": 1, "DilationHFactor": 4},
            {"padding": "VALID", "stride_h": 2, "stride_w": 3, "activation": "RELU", "dilation_h": 4, "dilation_w": 1},
        ),
        (
            OPERATOR.DEPTHWISE_CONV_2D,
            "DepthwiseConv2DOptions",
            {"StrideH": 1, "StrideW": 1, "DepthMultiplier": 2, "FusedActivationFunction": 3},
            {
                "depth_multiplier": 2,
                "padding": "SAME",
                "stride_h": 1,
                "stride_w": 1,
                "activation": "RELU6",
                "dilation_h": 1,
                "dilation_w": 1,
            },
        ),
        (
            OPERATOR.MAX_POOL_2D,
            "Pool2DOptions",
            {"Padding": 1, "StrideH": 2, "StrideW": 2, "FilterHeight": 3, "FilterWidth": 2},
            {"padding": "VALID", "stride_h": 2, "stride_w": 2, "activation": "NONE", "filter_h": 3, "filter_w": 2},
        ),
        (OPERATOR.SOFTMAX, "SoftmaxOptions", {"Beta": 0.5}, {"beta": 0.5}),
        (OPERATOR.RESHAPE, "ReshapeOptions", {"NewShape": (1, -1)}, {"new_shape": (1, -1)}),
        (OPERATOR.RESHAPE, "", {}, {}),
        (OPERATOR.ADD, "AddOptions", {"FusedActivationFunction": 2}, {"activation": "RELU_N1_TO_1", "pot_scale_int16": True}),
        (OPERATOR.SUB, "SubOptions", {}, {"activation": "NONE", "pot_scale_int16": True}),
        (OPERATOR.MUL, "MulOptions", {"FusedActivationFunction": 4}, {"activation": "TANH"}),
        (OPERATOR.CONCATENATION, "ConcatenationOptions", {"Axis": -1}, {"axis": -1, "activation": "NONE"}),
        (OPERATOR.MEAN, "ReducerOptions", {"KeepDims": True}, {"keep_dims": True}),
        (
            OPERATOR.STRIDED_SLICE,
            "StridedSliceOptions",
            {"BeginMask": 1, "EndMask": 2, "ShrinkAxisMask": 4},
            {"begin_mask": 1, "end_mask": 2, "ellipsis_mask": 0, "new_axis_mask": 0, "shrink_axis_mask": 4, "offset": False},
        ),
        (
            OPERATOR.TRANSPOSE_CONV,
            "TransposeConvOptions",
            {"StrideH": 2, "StrideW": 2},
            {"padding": "SAME", "stride_h": 2, "stride_w": 2, "activation": "NONE"},
        ),
        (OPERATOR.RESIZE_BILINEAR, "ResizeBilinearOptions", {"AlignCorners": True}, {"align_corners": True, "half_pixel_centers": False}),
        (OPERATOR.MIRROR_PAD, "MirrorPadOptions", {"Mode": 1}, {"mode": "SYMMETRIC"}),
        (OPERATOR.DEPTH_TO_SPACE, "DepthToSpaceOptions", {"BlockSize": 2}, {"block_size": 2}),
        (OPERATOR.SQUEEZE, "SqueezeOptions", {"SqueezeDims": (1, 2)}, {"squeeze_dims": (1, 2)}),
        (OPERATOR.TANH, "", {}, {}),
    ],
)
def test_options_get_plain_names(options_of, code, kind, options, expected):
    """What the file leaves out has the schema's default."""
    assert options_of(code, kind, options) == expected


@pytest.mark.parametrize("name", sorted(OPTIONS))
def test_every_entry_names_fields_that_the_schema_has(name, options_of):
    """A misspelt field would only show on a user's model; strides of 1 make windows possible."""
    schema, fields = OPTIONS[name]
    positive = [field for key, field in fields.items() if key.startswith(("stride_", "filter_"))]

    read = options_of(getattr(OPERATOR, name), schema.__name__, dict.fromkeys(positive, 1))

    assert set(read) == set(fields)
    assert kind_of(name) == getattr(tflite.BuiltinOptions, schema.__name__)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"padding": 2}, "operator 1 X has padding 2; expected one of 0 (SAME), 1 (VALID)"),
        ({"activation": -1}, "operator 1 X has activation -1; expected one of 0 (NONE), 1 (RELU)"),
        ({"mode": 2}, "operator 1 X has mode 2; expected one of 0 (REFLECT), 1 (SYMMETRIC)"),
        ({"stride_h": 0}, "operator 1 X has stride_h 0; expected at least 1"),
        ({"dilation_w": -3}, "operator 1 X has dilation_w -3; expected at least 1"),
        ({"beta": float("nan")}, "operator 1 X has beta nan; expected a finite number"),
    ],
)
def test_impossible_options_are_refused(values, message):
    """The message names operator and option."""
    with pytest.raises(GraphError) as caught:
        name_options(values, "operator 1 X")

    assert message in str(caught.value)


def test_windows_need_options():
    """Nothing else says by what stride they move; a RESHAPE may do without."""
    check_present("operator 1 RESHAPE", "RESHAPE")

    with pytest.raises(GraphError, match="operator 1 CONV_2D has no options; expected strides and padding"):
        check_present("operator 1 CONV_2D", "CONV_2D")
