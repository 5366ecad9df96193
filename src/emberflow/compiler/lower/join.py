"""CONCATENATION and PACK: several tensors become parts of one. Computes nothing; chooses no memory."""

from emberflow.compiler.lower.move import expect_same_codes, expect_shape, movable, move, with_size
from emberflow.compiler.lower.view import view_of
from emberflow.compiler.program import Step
from emberflow.compiler.site import Site


def lower_concatenation(site: Site) -> tuple[Step, ...]:
    """CONCATENATION along any axis; along the first one that isn't 1 the inputs become parts of the output's memory."""
    site.expect(site.options.get("activation", "NONE") == "NONE", f"a fused {site.options.get('activation')} isn't compiled; expected NONE")
    axis, steps, begin = site.axis(site.options.get("axis", 0), len(site.output.shape)), list[Step](), 0
    for position in range(len(site.operator.inputs)):
        part = movable(site, position)
        expect_same_codes(site, part)
        expect_shape(site, part, with_size(site.output.shape, axis, part.shape[axis] if len(part.shape) > axis else 0))
        steps.append(move(site, position, view_of(part), view_of(site.output).cut(axis, begin, part.shape[axis])))
        begin += part.shape[axis]
    site.expect(begin == site.output.shape[axis], f"its inputs have {begin} places along axis {axis}, its output {site.output.shape[axis]}")
    return tuple(steps)


def lower_pack(site: Site) -> tuple[Step, ...]:
    """PACK along a new axis."""
    shape = site.output.shape
    axis = site.axis(site.options.get("axis", 0), len(shape))
    parts = [movable(site, position) for position in range(len(site.operator.inputs))]
    told = site.options.get("values_count", len(parts))
    site.expect(told == len(parts), f"its values_count is {told}; expected {len(parts)}, as many as it reads")
    site.expect(len(parts) == shape[axis], f"it packs {len(parts)} tensors along axis {axis}; expected {shape[axis]}, the size of its output there")
    for part in parts:
        expect_shape(site, part, (*shape[:axis], *shape[axis + 1 :]))
    target = view_of(site.output)
    return tuple(move(site, n, view_of(part, with_size(shape, axis, 1)), target.cut(axis, n, 1)) for n, part in enumerate(parts))
