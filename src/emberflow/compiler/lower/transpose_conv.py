"""TRANSPOSE_CONV: as many small dense layers as the stride has phases. Lays weights out; chooses no memory."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from emberflow.compiler.lower.conv import interleave
from emberflow.compiler.lower.rescale import pack, weighted_sums
from emberflow.compiler.lower.rows import tell_plain
from emberflow.compiler.lower.window import LARGEST, Axis
from emberflow.compiler.program import Call, Scratch, Step
from emberflow.compiler.site import Site
from emberflow.values import IntArray

_SHAPE, _WEIGHTS, _INPUT, _BIAS = range(4)


@dataclass(frozen=True)
class Phase:
    """The outputs of one axis that are `stride` apart from `first` on.

    taps: places in the kernel, in the order of the inputs under them; none where the kernel is shorter than the stride.
    begin: the input under the first tap, for the first output; may lie outside.
    """

    first: int
    taps: tuple[int, ...]
    begin: int


def phases(axis: Axis, pad: int) -> Iterator[Phase]:
    """The phases of a transposed axis: `axis` leads from the output back to the input.

    Output y takes input (y + pad - i) / stride for every tap i for which that is whole; a later tap takes an earlier input.
    """
    for first in range(min(axis.stride, axis.size)):
        least = (first + pad) % axis.stride
        taps = tuple(reversed(range(least, axis.kernel, axis.stride)))
        yield Phase(first, taps, (first + pad - least) // axis.stride - max(len(taps) - 1, 0))


def lower_transpose_conv(site: Site) -> tuple[Step, ...]:
    """TRANSPOSE_CONV with any stride, with or without biases."""
    source, weights, output = site.tensor(_INPUT), site.tensor(_WEIGHTS), site.output
    for tensor in (source, weights, output):
        site.expect_dtype(tensor, "int8")
    site.expect(weights.data is not None, f"{weights} is computed while the model runs; expected constant weights")
    site.expect(
        len(source.shape) == len(weights.shape) == len(output.shape) == 4
        and source.shape[0] == output.shape[0] == 1
        and (output.shape[3], source.shape[3]) == (weights.shape[0], weights.shape[3]),
        f"weights of shape {weights.shape} don't go with input {source.shape} and output {output.shape}; convert the model with batch 1",
    )
    quantization = site.quantization(weights)
    site.expect(
        not quantization.zero_points.any() and (not quantization.per_channel or quantization.axis == 0),
        f"{weights} has zero points, or scales along axis {quantization.axis}; expected none, and axis 0, the output channels",
    )
    y, x = (Axis(output.shape[n], source.shape[n], weights.shape[n], site.options[f"stride_{w}"]) for n, w in ((1, "h"), (2, "w")))
    padding = site.options["padding"]
    site.expect(
        (y.steps(padding), x.steps(padding)) == source.shape[1:3],
        f"its input has {source.shape[1:3]} places; its output of {output.shape[1:3]} comes from {(y.steps(padding), x.steps(padding))}",
    )
    site.expect(
        max(*source.shape, *output.shape, weights.elements // weights.shape[0]) <= LARGEST and max(y.stride, x.stride) <= 255,
        f"sizes {source.shape}, {output.shape} and {weights.shape}: expected at most {LARGEST}, a kernel too, and 255 for strides",
    )
    pairs = product(phases(y, y.pad(padding)), phases(x, x.pad(padding)))
    return tuple(_phase_call(replace(site, part=f"_phase{n}"), *pair) for n, pair in enumerate(pairs))


def _phase_call(site: Site, y: Phase, x: Phase) -> Call:
    source, output = site.tensor(_INPUT), site.output
    height, width = max(len(y.taps), 1), max(len(x.taps), 1)
    rows = _rows(site, y, x)
    depth = rows.shape[1]
    rescale = pack(site, weighted_sums(site, source, site.tensor(_WEIGHTS), rows, site.optional(_BIAS)))
    dense = {
        "weights": site.constant("weights", interleave(rows)),
        "rescale": rescale.fields,
        "batches": 1,
        "depth": depth,
        "outputs": len(rows),
        "blocks": len(rows) // 4 if depth % 4 == 0 else 0,
    }
    parameters = site.struct(
        "ef_phase",
        dense=dense,
        in_height=source.shape[1],
        in_width=source.shape[2],
        in_channels=source.shape[3],
        out_height=output.shape[1],
        out_width=output.shape[2],
        height=height,
        width=width,
        top=y.begin,
        left=x.begin,
        first_y=y.first,
        first_x=x.first,
        stride_y=site.options["stride_h"],
        stride_x=site.options["stride_w"],
        in_zero_point=site.zero_point(source),
    )
    arguments = (parameters, site.read(_INPUT), site.write(), Scratch(depth))
    return Call(site.operator, "transpose_conv", rescale.kernel("ef_transpose_conv"), arguments, packing=tell_plain(site, rows.size))


def _rows(site: Site, y: Phase, x: Phase) -> IntArray:
    """Weights of a phase, (channels, height * width * depth); one tap of zeros where it has none."""
    weights = site.tensor(_WEIGHTS).values.astype(np.int64)
    rows = weights[:, y.taps, :, :][:, :, x.taps, :]  # (channels, height, width, depth)
    if not rows.size:
        rows = np.zeros((weights.shape[0], max(len(y.taps), 1), max(len(x.taps), 1), weights.shape[3]), np.int64)
    return rows.reshape(len(rows), -1)
