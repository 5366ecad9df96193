"""Broadcasting: how two operands of different shapes run along an output. The arithmetic of shapes; knows no kernel."""

from dataclasses import dataclass
from math import prod

from emberflow.compiler.program import Call, Field, Read, Struct
from emberflow.compiler.site import Site

MOST_AXES = 6
"""What TFLM broadcasts over; beyond, it reads past its shapes' ends."""


@dataclass(frozen=True)
class Axis:
    """One axis of the output, or several that behave alike: its size, and by how many elements each operand moves from one step to the next."""

    size: int
    a_step: int
    b_step: int


def align(shape: tuple[int, ...], output: tuple[int, ...]) -> tuple[int, ...] | None:
    """`shape` with ones in front, as long as `output`; None when it can't be broadcast to it."""
    if len(shape) > len(output):
        return None
    aligned = (1,) * (len(output) - len(shape)) + shape
    return aligned if all(size in (1, whole) for size, whole in zip(aligned, output, strict=True)) else None


def join_axes(a: tuple[int, ...], b: tuple[int, ...], output: tuple[int, ...]) -> tuple[Axis, ...]:
    """The fewest axes, innermost first, that lead two aligned operands along `output`; at least one."""
    axes: list[Axis] = []
    reach_a = reach_b = 1
    for size_a, size_b, size in zip(reversed(a), reversed(b), reversed(output), strict=True):
        axis = Axis(size, reach_a if size_a > 1 else 0, reach_b if size_b > 1 else 0)
        reach_a, reach_b = reach_a * size_a, reach_b * size_b
        if size == 1:
            continue
        if axes and _goes_on(axes[-1], axis):
            axes[-1] = Axis(axes[-1].size * size, axes[-1].a_step, axes[-1].b_step)
        else:
            axes.append(axis)
    return tuple(axes) or (Axis(1, 1, 1),)


def _goes_on(inner: Axis, outer: Axis) -> bool:
    return (outer.a_step, outer.b_step) == (inner.a_step * inner.size, inner.b_step * inner.size)


def spread_axes(site: Site) -> tuple[Axis, ...]:
    """The axes of an operator of two operands. Raises: UnsupportedOperator: shapes that don't go together, or too many axes."""
    output = site.output.shape
    a, b = (align(site.tensor(position).shape, output) for position in (0, 1))
    if a is None or b is None or any(max(x, y) != whole for x, y, whole in zip(a, b, output, strict=True)):
        site.refuse(
            f"operands of shapes {site.tensor(0).shape} and {site.tensor(1).shape} don't broadcast to {output}; expected equal sizes, or 1,"
            " along each axis; convert the model again"
        )
    site.expect(len(output) <= MOST_AXES or a == b, f"it broadcasts over {len(output)} axes; expected at most {MOST_AXES}; reshape them before")
    return join_axes(a, b, output)


@dataclass(frozen=True)
class Kernel:
    """Two functions that do the same.

    file: what defines both.
    stem: of their names, `ef_<stem>_same` for operands of the output's shape, and `ef_<stem>_spread` for any.
    any_form: whether the latter must be called whatever the shapes, because the former doesn't do all that it does.
    """

    file: str
    stem: str
    any_form: bool = False


def call_pair(site: Site, kernel: Kernel, parameters: Struct | None, swap: bool = False) -> tuple[Call, ...]:
    """One call of the kernel's function for the operands' shapes.

    Args:
        parameters: the first argument of both functions, or None where they take none.
        swap: whether the kernel's `a` is the second operand.
    """
    axes, order = spread_axes(site), (1, 0) if swap else (0, 1)
    is_same = axes == (Axis(axes[0].size, 1, 1),) and not kernel.any_form
    last = axes[0].size if is_same else Struct(f"{site.name}_spread", "ef_spread", _fields(axes, swap))
    arguments = (*((parameters,) if parameters else ()), site.read(order[0]), site.read(order[1]), site.write(), last)
    return (Call(site.operator, kernel.file, f"ef_{kernel.stem}_{'same' if is_same else 'spread'}", arguments, in_place=_in_place(site)),)


def _in_place(site: Site) -> tuple[tuple[int, int], ...]:
    """The output may overwrite an operand of its size: each element is read where it is written, and no later."""
    reads = [site.read(position) for position in (0, 1)]
    return tuple(
        (site.output.index, read.index)
        for read in reads
        if isinstance(read, Read) and site.graph.tensors[read.index].elements == site.output.elements
    )


def _fields(axes: tuple[Axis, ...], swap: bool) -> dict[str, Field]:
    inner, outer = axes[0], axes[1:]
    padded = (*outer, *(Axis(1, 0, 0),) * (MOST_AXES - 1 - len(outer)))
    steps = tuple(axis.a_step for axis in padded), tuple(axis.b_step for axis in padded)
    a, b = (1, 0) if swap else (0, 1)
    within = inner.a_step, inner.b_step
    return {
        "runs": prod(axis.size for axis in outer),
        "length": inner.size,
        "sizes": tuple(axis.size for axis in padded),
        "a_steps": steps[a],
        "b_steps": steps[b],
        "a_step": within[a],
        "b_step": within[b],
    }
