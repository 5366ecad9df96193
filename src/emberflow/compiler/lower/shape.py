"""Operators that only see the same numbers in another shape. They cost nothing where input and output may share memory."""

from emberflow.compiler.lower.move import movable, move
from emberflow.compiler.lower.view import view_of
from emberflow.compiler.program import Step
from emberflow.compiler.site import Site


def lower_reshape(site: Site) -> tuple[Step, ...]:
    """RESHAPE, SQUEEZE, EXPAND_DIMS: the output is the input, byte for byte, in the shape that the file gives it."""
    source, output = movable(site, 0), site.output
    site.expect(
        source.elements == output.elements,
        f"{source} of shape {source.shape} and {output} of shape {output.shape} hold different numbers; convert the model again",
    )
    return (move(site, 0, view_of(source, (source.elements,)), view_of(output, (output.elements,))),)
