"""ARG_MAX and ARG_MIN: where the greatest or least code stands along one axis. The arithmetic of the axis, nothing else."""

from math import prod

from emberflow.compiler.program import Call, Step
from emberflow.compiler.site import Site


def lower_arg_max(site: Site) -> tuple[Step, ...]:
    """ARG_MAX of int8 to int32; of several that are equal, the first."""
    return _lower(site, 1)


def lower_arg_min(site: Site) -> tuple[Step, ...]:
    """ARG_MIN of int8 to int32; of several that are equal, the first."""
    return _lower(site, -1)


def _lower(site: Site, sign: int) -> tuple[Step, ...]:
    source, output = site.tensor(0), site.output
    site.expect_dtype(source, "int8")
    site.expect(output.dtype == "int32", f"{output} is {output.dtype}; expected int32; set output_type to int32")
    axis = _axis(site)
    outer, size, inner = prod(source.shape[:axis]), source.shape[axis], prod(source.shape[axis + 1 :])
    site.expect(
        output.elements == outer * inner,
        f"it leads from shape {source.shape} to {output.shape} along axis {axis}; expected one place for each row; convert the model again",
    )
    return (Call(site.operator, "arg", "ef_arg", (site.read(0), site.write(), outer, size, inner, sign)),)


def _axis(site: Site) -> int:
    """The axis, counted from the front. Raises: UnsupportedOperator: it is computed, or none of the input's."""
    axis, rank = site.tensor(1), len(site.tensor(0).shape)
    site.expect(axis.data is not None and axis.elements == 1, f"{axis} isn't one constant axis; expected one; convert the model again")
    place = int(axis.values.reshape(-1)[0])
    site.expect(-rank <= place < rank, f"it runs along axis {place} of {rank}; expected {-rank} to {rank - 1}; convert the model again")
    return place % rank
