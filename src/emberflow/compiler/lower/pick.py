"""Operators that take lines of a tensor by a table: GATHER, RESIZE_NEAREST_NEIGHBOR, and what else mirrors or repeats. Chooses no memory."""

from collections.abc import Mapping, Sequence
from math import prod

import numpy as np

from emberflow.compiler.lower.move import expect_shape, movable, move
from emberflow.compiler.lower.view import view_of
from emberflow.compiler.lower.window import LARGEST
from emberflow.compiler.program import Call, Step
from emberflow.compiler.site import Site


def pick(site: Site, tables: Mapping[int, Sequence[int]]) -> Step:
    """The input with, along each axis in `tables`, the places that stand there, in that order.

    Raises: UnsupportedOperator: tables that change something along axes that are no neighbours, or places that aren't there.
    """
    source = site.tensor(0)
    shape = source.shape
    for axis, places in tables.items():
        site.expect(0 <= min(places) <= max(places) < shape[axis] <= LARGEST, f"it takes places {min(places)} to {max(places)} of {shape[axis]}")
    changed = sorted(axis for axis, places in tables.items() if tuple(places) != tuple(range(shape[axis])))
    if not changed:
        return move(site, 0, view_of(source), view_of(site.output, shape))
    first, last = changed[0], changed[-1]
    site.expect(last - first <= 1, f"it changes axes {changed}; expected one, or two that are neighbours")
    rows, columns = tables[first], tables[last] if last > first else (0,)
    view = view_of(source)
    outer = prod(shape[:first])
    site.expect(
        max(outer, len(rows), len(columns)) <= LARGEST, f"it repeats {outer} times {len(rows)} x {len(columns)} lines; expected at most {LARGEST}"
    )
    parameters = site.struct(
        "ef_picks",
        rows=site.constant("rows", np.array(rows, np.uint16)),
        columns=site.constant("columns", np.array(columns, np.uint16)),
        outer_step=view.itemsize * prod(shape[first:]),
        row_step=view.steps[first],
        column_step=view.steps[last],
        run=view.steps[last],
        outer=outer,
        height=len(rows),
        width=len(columns),
    )
    return Call(site.operator, "pick", "ef_pick", (parameters, site.read(0), site.write()))


def lower_gather(site: Site) -> tuple[Step, ...]:
    """GATHER with constant places."""
    source, places, indices = movable(site, 0), site.numbers(1, "places"), site.tensor(1)
    axis = site.axis(site.options.get("axis", 0), len(source.shape))
    site.expect(site.options.get("batch_dims", 0) == 0, f"it has batch_dims {site.options.get('batch_dims')}; expected 0")
    expect_shape(site, site.output, (*source.shape[:axis], *indices.shape, *source.shape[axis + 1 :]))
    return (pick(site, {axis: places}),)


def lower_resize_nearest(site: Site) -> tuple[Step, ...]:
    """RESIZE_NEAREST_NEIGHBOR."""
    (height, width), output = image_sizes(site)
    corners, centers = bool(site.options.get("align_corners")), bool(site.options.get("half_pixel_centers"))
    return (pick(site, {1: nearest(height, output[0], corners, centers), 2: nearest(width, output[1], corners, centers)}),)


def image_sizes(site: Site) -> tuple[tuple[int, int], tuple[int, int]]:
    """Height and width of input and output of an operator that changes them alone."""
    source, sizes = movable(site, 0), site.numbers(1, "size")
    site.expect(len(source.shape) == 4 and len(sizes) == 2, f"{source} has shape {source.shape} and size {sizes}; expected four sizes, and two")
    expect_shape(site, site.output, (source.shape[0], *sizes, source.shape[3]))
    return (source.shape[1], source.shape[2]), (sizes[0], sizes[1])


def nearest(size: int, output: int, align_corners: bool, half_pixel_centers: bool) -> tuple[int, ...]:
    """For each place of the output, the nearest of `size` places, in single precision as TFLM computes it.

    With `align_corners` the first and last places of both meet, and the middle is rounded; else places are cut off.
    """
    is_aligned = align_corners and output > 1
    scale = np.float32(size - 1) / np.float32(output - 1) if is_aligned else np.float32(size) / np.float32(output)
    places = (np.arange(output, dtype=np.float32) + np.float32(0.5 if half_pixel_centers else 0)) * scale
    whole = np.floor(places + np.float32(0.5)) if align_corners else np.floor(places)
    return tuple(int(place) for place in np.clip(whole, 0, size - 1))
