"""Options of operators, from the schema's tables to plain dictionaries. Knows their fields; refuses to know tensors."""

from math import isfinite
from typing import Any

import tflite

from emberflow.errors import GraphError

_WINDOW = {"padding": "Padding", "stride_h": "StrideH", "stride_w": "StrideW", "activation": "FusedActivationFunction"}
_CONV = _WINDOW | {"dilation_h": "DilationHFactor", "dilation_w": "DilationWFactor"}
_POOL = _WINDOW | {"filter_h": "FilterHeight", "filter_w": "FilterWidth"}
_ACTIVATION = {"activation": "FusedActivationFunction"}
_RESIZE = {"align_corners": "AlignCorners", "half_pixel_centers": "HalfPixelCenters"}
_REDUCE = (tflite.ReducerOptions, {"keep_dims": "KeepDims"})
_PAIR = {"pot_scale_int16": "PotScaleInt16"} | _ACTIVATION
_MASKS = {
    "begin_mask": "BeginMask",
    "end_mask": "EndMask",
    "ellipsis_mask": "EllipsisMask",
    "new_axis_mask": "NewAxisMask",
    "shrink_axis_mask": "ShrinkAxisMask",
    "offset": "Offset",
}
_LSTM = _ACTIVATION | {"cell_clip": "CellClip", "proj_clip": "ProjClip", "time_major": "TimeMajor"}

OPTIONS: dict[str, tuple[type[Any], dict[str, str]]] = {
    "ADD": (tflite.AddOptions, _PAIR),
    "AVERAGE_POOL_2D": (tflite.Pool2DOptions, _POOL),
    "BATCH_MATMUL": (tflite.BatchMatMulOptions, {"adj_x": "AdjX", "adj_y": "AdjY"}),
    "CONCATENATION": (tflite.ConcatenationOptions, {"axis": "Axis"} | _ACTIVATION),
    "CONV_2D": (tflite.Conv2DOptions, _CONV),
    "DEPTHWISE_CONV_2D": (tflite.DepthwiseConv2DOptions, {"depth_multiplier": "DepthMultiplier"} | _CONV),
    "DEPTH_TO_SPACE": (tflite.DepthToSpaceOptions, {"block_size": "BlockSize"}),
    "DIV": (tflite.DivOptions, _ACTIVATION),
    "FULLY_CONNECTED": (tflite.FullyConnectedOptions, {"keep_num_dims": "KeepNumDims", "weights_format": "WeightsFormat"} | _ACTIVATION),
    "GATHER": (tflite.GatherOptions, {"axis": "Axis", "batch_dims": "BatchDims"}),
    "L2_NORMALIZATION": (tflite.L2NormOptions, _ACTIVATION),
    "LEAKY_RELU": (tflite.LeakyReluOptions, {"alpha": "Alpha"}),
    "MAX_POOL_2D": (tflite.Pool2DOptions, _POOL),
    "MEAN": _REDUCE,
    "MIRROR_PAD": (tflite.MirrorPadOptions, {"mode": "Mode"}),
    "MUL": (tflite.MulOptions, _ACTIVATION),
    "PACK": (tflite.PackOptions, {"axis": "Axis", "values_count": "ValuesCount"}),
    "REDUCE_MAX": _REDUCE,
    "REDUCE_MIN": _REDUCE,
    "REDUCE_PROD": _REDUCE,
    "RESHAPE": (tflite.ReshapeOptions, {"new_shape": "NewShape"}),
    "RESIZE_BILINEAR": (tflite.ResizeBilinearOptions, _RESIZE),
    "RESIZE_NEAREST_NEIGHBOR": (tflite.ResizeNearestNeighborOptions, _RESIZE),
    "SOFTMAX": (tflite.SoftmaxOptions, {"beta": "Beta"}),
    "SPACE_TO_DEPTH": (tflite.SpaceToDepthOptions, {"block_size": "BlockSize"}),
    "SPLIT": (tflite.SplitOptions, {"num_splits": "NumSplits"}),
    "SPLIT_V": (tflite.SplitVOptions, {"num_splits": "NumSplits"}),
    "SQUEEZE": (tflite.SqueezeOptions, {"squeeze_dims": "SqueezeDims"}),
    "STRIDED_SLICE": (tflite.StridedSliceOptions, _MASKS),
    "SUB": (tflite.SubOptions, _PAIR),
    "SUM": _REDUCE,
    "TRANSPOSE_CONV": (tflite.TransposeConvOptions, _WINDOW),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": (tflite.UnidirectionalSequenceLSTMOptions, _LSTM),
    "UNPACK": (tflite.UnpackOptions, {"axis": "Axis", "num": "Num"}),
}
"""What is decoded, by the operator's name: the schema's table, and its fields by the names they get here."""

VECTORS = frozenset({"new_shape", "squeeze_dims"})
"""Options that are lists of numbers."""

_POSITIVE = ("stride_h", "stride_w", "dilation_h", "dilation_w", "filter_h", "filter_w")
_WINDOWED = frozenset(name for name, (_, fields) in OPTIONS.items() if "stride_h" in fields)


def _names(enumeration: type[Any]) -> dict[int, str]:
    return {code: name for name, code in vars(enumeration).items() if name.isupper()}


_ENUMERATIONS = {
    "padding": _names(tflite.Padding),
    "activation": _names(tflite.ActivationFunctionType),
    "mode": _names(tflite.MirrorPadMode),
    "weights_format": _names(tflite.FullyConnectedOptionsWeightsFormat),
}


def kind_of(name: str) -> int:
    """The schema's code for the table of options that operator `name` carries; `name` must be in OPTIONS."""
    return int(getattr(tflite.BuiltinOptions, OPTIONS[name][0].__name__))


def name_options(values: dict[str, Any], operator: str) -> dict[str, Any]:
    """`values` with codes of padding, activation, mirror mode and weight format replaced by their names.

    Raises: GraphError: a code is unknown, a stride, dilation or filter is not positive, or a number is not finite.
    """
    for key in _POSITIVE:
        if values.get(key, 1) < 1:
            raise GraphError(f"{operator} has {key} {values[key]}; expected at least 1; convert the model again")
    for key, value in values.items():
        if isinstance(value, float) and not isfinite(value):
            raise GraphError(f"{operator} has {key} {value}; expected a finite number; convert the model again")
    return {key: _name(key, value, operator) if key in _ENUMERATIONS else value for key, value in values.items()}


def number_option(key: str, value: Any) -> Any:
    """The schema's code where `value` is one of the names that `name_options` gives; else `value` itself."""
    return next(code for code, name in _ENUMERATIONS[key].items() if name == value) if key in _ENUMERATIONS else value


def check_present(operator: str, name: str) -> None:
    """Refuse operators that can't do without options; others may leave them out (RESHAPE does).

    Raises: GraphError: `name` slides a window, and nothing says by what stride.
    """
    if name in _WINDOWED:
        raise GraphError(f"{operator} has no options; expected strides and padding; convert the model again")


def _name(key: str, code: int, operator: str) -> str:
    names = _ENUMERATIONS[key]
    if code not in names:
        raise GraphError(f"{operator} has {key} {code}; expected one of {', '.join(f'{c} ({n})' for c, n in names.items())}")
    return names[code]
