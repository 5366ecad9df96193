"""Layers with weights: CONV_2D, DEPTHWISE_CONV_2D, FULLY_CONNECTED. Lays weights out as the kernels read them; chooses no memory."""

import numpy as np

from emberflow.compiler.absorb import border_of
from emberflow.compiler.lower.plane import Plane
from emberflow.compiler.lower.rescale import Rescale, pack, weighted_sums
from emberflow.compiler.lower.rows import Use, place_rows, tell_plain
from emberflow.compiler.lower.window import LARGEST, window_fields
from emberflow.compiler.program import Call, Scratch, Step
from emberflow.compiler.requantize import Parity
from emberflow.compiler.site import Site
from emberflow.compiler.weights import Encoding
from emberflow.graph import Tensor
from emberflow.values import Int8Array, IntArray

_POINTER_BYTES = 8  # of a 64-bit host, so that one plan serves everywhere

_CONV_KERNELS = {
    Encoding.PLAIN: ("conv", "ef_conv_2d"),
    Encoding.TABLE: ("conv_rows", "ef_conv_2d_table"),
    Encoding.BITMAP: ("conv_rows", "ef_conv_2d_bitmap"),
    Encoding.BITMAP_TABLE: ("conv_rows", "ef_conv_2d_bitmap"),
}


def lower_conv(site: Site) -> tuple[Step, ...]:
    """CONV_2D, grouped and dilated too."""
    source, weights = _operands(site)
    channels, height, width, depth = _four(site, weights)
    fields = window_fields(site, (height, width))
    groups = source.shape[-1] // max(depth, 1)
    site.expect(
        groups * depth == source.shape[-1] and channels % max(groups, 1) == 0 and channels == site.output.shape[-1],
        f"weights of shape {weights.shape} don't go with input {source.shape} and output {site.output.shape}; convert the model again",
    )
    rows = _less_zero_point(site, weights).reshape(channels, -1)  # (channels, height*width*depth)
    steps = (fields["stride_y"], fields["stride_x"], *border_of(site.options))
    is_pointwise = height == width == groups == 1 and depth % 4 == 0 and steps == (1, 1, (0, 0), (0, 0))
    rescale = pack(site, weighted_sums(site, source, weights, rows, site.optional(2)))
    placed = place_rows(site, rows, pad_rows(rows), Use.FOUR_PIXELS, times=-(-site.output.elements // (4 * channels)))
    parameters = site.struct(
        "ef_conv",
        weights=placed.weights,
        rescale=rescale.fields,
        **fields,
        out_channels=channels,
        groups=groups,
        dilation_y=site.options["dilation_h"],
        dilation_x=site.options["dilation_w"],
        in_zero_point=site.zero_point(source),
        pointwise=int(is_pointwise),
    )
    file, function = _CONV_KERNELS[placed.chosen.encoding]
    scratch = Scratch(_conv_scratch_bytes(placed.chosen.encoding, rows.shape[1], depth))
    arguments = (parameters, *placed.packing, site.read(0), site.write(), scratch)
    return (Call(site.operator, file, rescale.kernel(function), arguments, packing=placed.chosen),)


def _conv_scratch_bytes(encoding: Encoding, row_bytes: int, channels: int) -> int:
    """For bitmaps, columns of bytes and a line of zero points; else columns of 16-bit numbers and one of bytes."""
    is_bitmap = encoding in (Encoding.BITMAP, Encoding.BITMAP_TABLE)
    return 4 * row_bytes + channels if is_bitmap else 9 * (-(-row_bytes // 4) * 4)


def lower_depthwise(site: Site) -> tuple[Step, ...]:
    """DEPTHWISE_CONV_2D with any multiplier and dilation."""
    source, weights = _operands(site)
    one, height, width, channels = _four(site, weights)
    fields = window_fields(site, (height, width)) | {"in_zero_point": site.zero_point(source)}
    in_channels = source.shape[-1]
    site.expect(
        one == 1 and in_channels > 0 and channels % in_channels == 0 and channels == site.output.shape[-1],
        f"weights of shape {weights.shape} don't go with input {source.shape} and output {site.output.shape}; convert the model again",
    )
    multiplier = channels // in_channels
    told = site.options["depth_multiplier"]
    site.expect(
        told == multiplier, f"its depth_multiplier is {told}; expected {multiplier}, of {channels} and {in_channels} channels; convert it again"
    )
    rows = _less_zero_point(site, weights, channel_axis=3).reshape(-1, channels).T  # (channels, height*width)
    rescale = pack(site, weighted_sums(site, source, weights, rows, site.optional(2)))
    plane = Plane.of(fields)
    if plane and channels == in_channels and (site.options["dilation_h"], site.options["dilation_w"]) == (1, 1):
        return (_planar_call(site, rows, rescale, plane),)
    parameters = site.struct(
        "ef_depthwise",
        weights=site.constant("weights", rows.T.astype(np.int8)),
        rescale=rescale.fields,
        **fields,
        multiplier=multiplier,
        dilation_y=site.options["dilation_h"],
        dilation_x=site.options["dilation_w"],
    )
    scratch = Scratch(_POINTER_BYTES * height * width + in_channels)
    arguments = (parameters, site.read(0), site.write(), scratch)
    return (Call(site.operator, "depthwise", rescale.kernel("ef_depthwise_conv_2d"), arguments, packing=tell_plain(site, rows.size)),)


def _planar_call(site: Site, rows: IntArray, rescale: Rescale, plane: Plane) -> Call:
    parameters = site.struct(
        "ef_planar", weights=site.constant("weights", rows.astype(np.int8)), rescale=rescale.fields, channels=len(rows), **plane.fields
    )
    arguments = (parameters, site.read(0), site.write(), Scratch(plane.size_bytes))
    return Call(site.operator, "depthwise_planar", rescale.kernel("ef_depthwise_planar"), arguments, packing=tell_plain(site, rows.size))


def lower_fully_connected(site: Site) -> tuple[Step, ...]:
    """FULLY_CONNECTED; the input may have any rank, its bytes count."""
    source, weights = _operands(site)
    site.expect(len(weights.shape) == 2 and weights.elements > 0, f"{weights} has shape {weights.shape}; expected (outputs, inputs)")
    outputs, depth = weights.shape
    batches = source.elements // depth
    site.expect(
        site.output.shape[-1:] == (outputs,), f"{site.output} has shape {site.output.shape}; expected {outputs} last, one an output; convert it again"
    )
    site.expect(
        batches * depth == source.elements and batches * outputs == site.output.elements and max(batches, depth, outputs) <= LARGEST,
        f"weights of shape {weights.shape} don't go with input {source.shape} and output {site.output.shape}, none above {LARGEST}",
    )
    rows = _less_zero_point(site, weights)
    rescale = pack(site, weighted_sums(site, source, weights, rows, site.optional(2)), once=site.parity is Parity.LITERT_REFERENCE)
    placed = place_rows(site, rows, interleave(rows), Use.ONE_INPUT, times=batches)
    parameters = site.struct(
        "ef_dense",
        weights=placed.weights,
        rescale=rescale.fields,
        batches=batches,
        depth=depth,
        outputs=outputs,
        blocks=outputs // 4 if depth % 4 == 0 else 0,
    )
    arguments = (parameters, *placed.packing, site.read(0), site.write())
    file = "fully_connected_rows" if placed.packing else "fully_connected"
    return (Call(site.operator, file, rescale.kernel(f"ef_{file}"), arguments, packing=placed.chosen),)


def pad_rows(rows: IntArray) -> IntArray:
    """Rows of weights (channels, depth) as int8, with zeros up to a multiple of 4 columns."""
    return np.pad(rows, ((0, 0), (0, -rows.shape[1] % 4))).astype(np.int8)


def interleave(rows: IntArray) -> Int8Array:
    """Rows of weights (outputs, depth) as int8, flat: blocks of four rows word by word, then the rows left over (fully_connected.h)."""
    outputs, depth = rows.shape
    blocked = outputs // 4 * 4 if depth % 4 == 0 else 0
    blocks = rows[:blocked].reshape(-1, 4, depth // 4, 4) if blocked else rows[:0]  # (blocks, row, word, byte)
    words = blocks.transpose(0, 2, 1, 3) if blocked else blocks
    return np.concatenate([words.reshape(-1), rows[blocked:].reshape(-1)]).astype(np.int8)


def _operands(site: Site) -> tuple[Tensor, Tensor]:
    source, weights = site.tensor(0), site.tensor(1)
    for tensor in (source, weights, site.output):
        site.expect_dtype(tensor, "int8")
    site.expect(weights.data is not None, f"{weights} is computed while the model runs; expected constant weights")
    return source, weights


def _four(site: Site, weights: Tensor) -> tuple[int, int, int, int]:
    site.expect(len(weights.shape) == 4 and weights.elements > 0, f"{weights} has shape {weights.shape}; expected four sizes above 0")
    return weights.shape  # type: ignore[return-value]


def _less_zero_point(site: Site, weights: Tensor, channel_axis: int = 0) -> IntArray:
    """Weights as int64 less their zero point, which converters leave at 0 (LiteRT 8-bit specification) and old ones may not."""
    quantization = site.quantization(weights)
    site.expect(not quantization.zero_points.any(), f"{weights} has zero points other than 0; convert the model again with a newer converter")
    site.expect(
        not quantization.per_channel or quantization.axis == channel_axis,
        f"{weights} has scales along axis {quantization.axis}; expected axis {channel_axis}, the output channels",
    )
    return weights.values.astype(np.int64)
