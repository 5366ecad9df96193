"""SLICE, STRIDED_SLICE, SPLIT, SPLIT_V, UNPACK, REVERSE_V2: parts of a tensor. Computes nothing; chooses no memory."""

from emberflow.compiler.lower.move import expect_shape, movable, move, with_size, written
from emberflow.compiler.lower.view import view_of
from emberflow.compiler.program import Step
from emberflow.compiler.site import Site
from emberflow.graph import Tensor


def lower_slice(site: Site) -> tuple[Step, ...]:
    """SLICE: from a place on, some places along each axis; a size of -1 is the rest."""
    source, view = movable(site, 0), view_of(site.tensor(0))
    begins, sizes = site.numbers(1, "begin"), site.numbers(2, "size")
    site.expect(
        len(begins) == len(sizes) == len(source.shape), f"it cuts {source} of shape {source.shape} from {begins} by {sizes}; expected as many"
    )
    for axis, (begin, size) in enumerate(zip(begins, sizes, strict=True)):
        count = source.shape[axis] - begin if size == -1 else size
        _expect_inside(site, source, axis, (begin, begin + count - 1))
        view = view.cut(axis, begin, count)
    expect_shape(site, site.output, view.shape)
    return (move(site, 0, view, view_of(site.output)),)


def lower_strided_slice(site: Site) -> tuple[Step, ...]:
    """STRIDED_SLICE: as Python's slices, backwards too; an axis may vanish.

    New axes and ellipses are refused, as TFLM does; converters write them as RESHAPE and as full slices.
    """
    source, view = movable(site, 0), view_of(site.tensor(0))
    for mask in ("new_axis_mask", "ellipsis_mask", "offset"):
        site.expect(not site.options.get(mask), f"it has {mask} {site.options.get(mask)}; expected 0; convert the model again")
    kept = []
    for axis, taken in enumerate(_slices(site, source)):
        vanishes = bool(site.options.get("shrink_axis_mask", 0) >> axis & 1)
        places = range(*taken.indices(source.shape[axis]))[: 1 if vanishes else None]
        site.expect(len(places) > 0, f"it takes nothing along axis {axis} of {source}, of shape {source.shape}; expected one place or more")
        view = view.cut(axis, places[0], len(places), places.step)
        kept += [] if vanishes else [len(places)]
    expect_shape(site, site.output, tuple(kept))
    return (move(site, 0, view, view_of(site.output, view.shape)),)


def _slices(site: Site, source: Tensor) -> tuple[slice, ...]:
    """What is taken along each axis; a masked end is left open, and so is that of an axis that vanishes."""
    numbers = [site.numbers(position, what) for position, what in ((1, "begin"), (2, "end"), (3, "strides"))]
    site.expect(
        all(len(each) == len(source.shape) for each in numbers) and 0 not in numbers[2],
        f"it cuts {source} of shape {source.shape} by {numbers}; expected a begin, an end and a stride other than 0 for each axis",
    )
    begins, ends, shrinks = (site.options.get(mask, 0) for mask in ("begin_mask", "end_mask", "shrink_axis_mask"))
    return tuple(
        slice(None if begins >> axis & 1 else begin, None if (ends | shrinks) >> axis & 1 else end, stride)
        for axis, (begin, end, stride) in enumerate(zip(*numbers, strict=True))
    )


def lower_split(site: Site) -> tuple[Step, ...]:
    """SPLIT into equal parts."""
    numbers, source = site.numbers(0, "axis"), movable(site, 1)
    axis, count = site.axis(numbers[0], len(source.shape)), len(site.operator.outputs)
    site.expect(source.shape[axis] % count == 0, f"it splits {source.shape[axis]} places into {count} parts; expected equal ones")
    return _parts(site, 1, axis, (source.shape[axis] // count,) * count)


def lower_split_v(site: Site) -> tuple[Step, ...]:
    """SPLIT_V into parts of given sizes, one of which may be -1, the rest."""
    source, sizes, numbers = movable(site, 0), site.numbers(1, "sizes"), site.numbers(2, "axis")
    axis = site.axis(numbers[0], len(source.shape))
    rest = source.shape[axis] - sum(size for size in sizes if size != -1)
    parts = tuple(rest if size == -1 else size for size in sizes)
    site.expect(
        sum(parts) == source.shape[axis] and min(parts) >= 0 and len(parts) == len(site.operator.outputs),
        f"it splits {source.shape[axis]} places into {sizes}; expected sizes of {len(site.operator.outputs)} parts that add up",
    )
    return _parts(site, 0, axis, parts)


def lower_unpack(site: Site) -> tuple[Step, ...]:
    """UNPACK: each place along an axis becomes a tensor without it."""
    source = movable(site, 0)
    axis = site.axis(site.options.get("axis", 0), len(source.shape))
    told = site.options.get("num", len(site.operator.outputs))
    site.expect(told == len(site.operator.outputs), f"its num is {told}; expected {len(site.operator.outputs)}, as many as it writes")
    site.expect(source.shape[axis] == len(site.operator.outputs), f"it unpacks {source.shape[axis]} places into {len(site.operator.outputs)} tensors")
    steps = []
    for place in range(source.shape[axis]):
        output = written(site, place, source.dtype, (*source.shape[:axis], *source.shape[axis + 1 :]))
        target = view_of(output, with_size(source.shape, axis, 1))
        steps.append(move(site, 0, view_of(source).cut(axis, place, 1), target, place))
    return tuple(steps)


def lower_reverse(site: Site) -> tuple[Step, ...]:
    """REVERSE_V2 along any axes."""
    source, view = movable(site, 0), view_of(site.tensor(0))
    expect_shape(site, site.output, source.shape)
    for axis in {site.axis(number, len(source.shape)) for number in site.numbers(1, "axes")}:
        view = view.cut(axis, source.shape[axis] - 1, source.shape[axis], -1)
    return (move(site, 0, view, view_of(site.output)),)


def _parts(site: Site, position: int, axis: int, sizes: tuple[int, ...]) -> tuple[Step, ...]:
    """One move for each part, side by side along `axis`."""
    source, steps, begin = site.tensor(position), list[Step](), 0
    for part, size in enumerate(sizes):
        output = written(site, part, source.dtype, with_size(source.shape, axis, size))
        steps.append(move(site, position, view_of(source).cut(axis, begin, size), view_of(output), part))
        begin += size
    return tuple(steps)


def _expect_inside(site: Site, source: Tensor, axis: int, places: tuple[int, int]) -> None:
    first, last = places
    site.expect(
        0 <= first <= last < source.shape[axis],
        f"it takes places {first} to {last} along axis {axis} of {source}, of shape {source.shape}; expected places inside",
    )
