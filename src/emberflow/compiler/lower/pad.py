"""PAD, PADV2, MIRROR_PAD: a border around a tensor. Computes nothing; chooses no memory."""

from collections.abc import Iterator

from emberflow.compiler.lower.move import expect_shape, fill, movable, move
from emberflow.compiler.lower.pick import pick
from emberflow.compiler.lower.view import view_of
from emberflow.compiler.program import Copy, Step
from emberflow.compiler.site import Site


def lower_pad(site: Site) -> tuple[Step, ...]:
    """PAD with the code that stands for 0, and PADV2 with a constant: a fill, then the input into the middle."""
    source, target = movable(site, 0), view_of(site.output)
    for axis, (begin, _) in enumerate(_paddings(site)):
        target = target.cut(axis, begin, source.shape[axis])
    moved = move(site, 0, view_of(source), target)
    return (*_fills(site, moved, _pad_byte(site)), moved)


def lower_mirror_pad(site: Site) -> tuple[Step, ...]:
    """MIRROR_PAD: the border is what stands on the other side of the edge, which REFLECT leaves out and SYMMETRIC repeats."""
    source = movable(site, 0)
    site.expect("mode" in site.options, "it has no options; expected REFLECT or SYMMETRIC; convert the model again")  # TFLM reads none of its own
    skip = 1 if site.options["mode"] == "REFLECT" else 0
    tables = {}
    for axis, (before, after) in enumerate(_paddings(site)):
        size = source.shape[axis]
        site.expect(max(before, after) <= size - skip, f"it pads axis {axis} of size {size} by {before} and {after}; expected at most {size - skip}")
        front, back = range(before - 1 + skip, skip - 1, -1), range(size - 1 - skip, size - 1 - skip - after, -1)
        tables[axis] = (*front, *range(size), *back)
    return (pick(site, tables),)


def _paddings(site: Site) -> tuple[tuple[int, int], ...]:
    """Places before and behind each axis."""
    source, numbers = site.tensor(0), site.numbers(1, "paddings")
    site.expect(len(numbers) == 2 * len(source.shape) and min(numbers) >= 0, f"its paddings are {numbers}; expected two from 0 on for each axis")
    pairs = tuple(zip(numbers[0::2], numbers[1::2], strict=True))
    expect_shape(site, site.output, tuple(before + size + after for size, (before, after) in zip(source.shape, pairs, strict=True)))
    return pairs


def _fills(site: Site, moved: Step, byte: int) -> Iterator[Step]:
    """Around a single run; else everywhere, before the rest is moved."""
    size_bytes = site.output.size_bytes
    begin, end = (moved.target_offset, moved.target_offset + moved.size_bytes) if isinstance(moved, Copy) else (size_bytes, size_bytes)
    yield from fill(site, 0, byte, begin)
    yield from fill(site, end, byte, size_bytes - end)


def _pad_byte(site: Site) -> int:
    """The byte of which the border is made."""
    value = site.optional(2)
    if value is None:
        return site.zero_point(site.output) if site.output.dtype in ("int8", "uint8") else 0
    site.expect(value.data is not None and value.elements == 1, f"it pads with {value}, which is computed or no single number")
    found = set(value.values.tobytes())
    site.expect(len(found) == 1, f"it pads with {value.values.item()}; expected a number whose bytes are all the same, such as 0")
    return found.pop()
