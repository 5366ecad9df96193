"""RESIZE_BILINEAR. Makes tables of rows, columns and weights; chooses no memory."""

import numpy as np

from emberflow.compiler.lower.move import expect_same_codes
from emberflow.compiler.lower.pick import image_sizes
from emberflow.compiler.lower.window import LARGEST
from emberflow.compiler.program import Call, Step
from emberflow.compiler.site import Site
from emberflow.values import IntArray

_ONE = 1 << 10


def lower_resize_bilinear(site: Site) -> tuple[Step, ...]:
    """RESIZE_BILINEAR of int8."""
    source, (input_sizes, output_sizes) = site.tensor(0), image_sizes(site)
    site.expect_dtype(source, "int8")
    expect_same_codes(site, source)
    sizes = (*input_sizes, *output_sizes, source.shape[3])
    site.expect(
        max(sizes) <= LARGEST and source.shape[0] == 1, f"it leads from {source.shape} to {site.output.shape}; expected batch 1, at most {LARGEST}"
    )
    corners, centers = bool(site.options.get("align_corners")), bool(site.options.get("half_pixel_centers"))
    rows, columns = (between(size, output, corners, centers) for size, output in zip(input_sizes, output_sizes, strict=True))
    parameters = site.struct(
        "ef_resize",
        rows=site.constant("rows", rows.astype(np.uint16)),
        columns=site.constant("columns", columns.astype(np.uint16)),
        width=input_sizes[1],
        channels=source.shape[3],
        out_height=output_sizes[0],
        out_width=output_sizes[1],
    )
    return (Call(site.operator, "resize", "ef_resize_bilinear", (parameters, site.read(0), site.write())),)


def between(size: int, output: int, align_corners: bool, half_pixel_centers: bool) -> IntArray:
    """For each place of the output: the two places it lies between, and how far from the first in 1/1024; (output, 3).

    All in integers, as TFLM computes it: the step is rounded to 1/1024. Before the first place the weight is negative, but both places are
    then the same.
    """
    is_aligned = align_corners and output > 1
    span, steps = (size - 1, output - 1) if is_aligned else (size, output)
    step = (_ONE * span + steps // 2) // steps
    places = np.arange(output, dtype=np.int64) * step + (step // 2 - _ONE // 2 if half_pixel_centers else 0)
    first, second = np.maximum(places // _ONE, 0), np.minimum(-(-places // _ONE), size - 1)
    return np.stack([first, second, places - _ONE * first], axis=1)
