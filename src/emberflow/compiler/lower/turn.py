"""TRANSPOSE, SPACE_TO_DEPTH, DEPTH_TO_SPACE, BROADCAST_TO: axes turned, taken apart, repeated. Computes nothing; chooses no memory."""

from emberflow.compiler.lower.move import expect_shape, movable, move
from emberflow.compiler.lower.view import View, view_of
from emberflow.compiler.program import Step
from emberflow.compiler.site import Site


def lower_transpose(site: Site) -> tuple[Step, ...]:
    """TRANSPOSE by any permutation."""
    source, order = movable(site, 0), site.numbers(1, "permutation")
    rank = len(source.shape)
    is_whole = len(order) == rank and sorted(number % rank for number in order) == list(range(rank))
    site.expect(is_whole, f"it orders {rank} axes as {order}; expected each of them once")
    view = view_of(source).turn(tuple(number % rank for number in order))
    expect_shape(site, site.output, view.shape)
    return (move(site, 0, view, view_of(site.output)),)


def lower_space_to_depth(site: Site) -> tuple[Step, ...]:
    """SPACE_TO_DEPTH: each block of pixels becomes one pixel, row by row."""
    movable(site, 0)
    return (move(site, 0, _blocks(site, view_of(site.tensor(0)), view_of(site.output)), _deep(site, view_of(site.output))),)


def lower_depth_to_space(site: Site) -> tuple[Step, ...]:
    """DEPTH_TO_SPACE: the inverse."""
    movable(site, 0)
    return (move(site, 0, _deep(site, view_of(site.tensor(0))), _blocks(site, view_of(site.output), view_of(site.tensor(0)))),)


def _block(site: Site) -> int:
    return int(site.options.get("block_size", 0))


def _deep(site: Site, view: View) -> View:
    """(n, y, x, row, column, depth) of pixels that hold blocks."""
    block = _block(site)
    site.expect(len(view.shape) == 4 and block > 0 and view.shape[3] % block**2 == 0, f"pixels of shape {view.shape} hold no blocks of {block}")
    return view.split(3, view.shape[3] // block).split(3 + 1, view.shape[3] // block**2)


def _blocks(site: Site, view: View, deep: View) -> View:
    """The same of an image."""
    block = _block(site)
    site.expect(
        len(view.shape) == len(deep.shape) == 4
        and view.shape == (deep.shape[0], deep.shape[1] * block, deep.shape[2] * block, deep.shape[3] // max(block, 1) ** 2),
        f"an image of shape {view.shape} is no {deep.shape} with blocks of {block}; convert the model again",
    )
    return view.split(1, block).split(3, block).turn((0, 1, 3, 2, 4, 5))


def lower_broadcast_to(site: Site) -> tuple[Step, ...]:
    """BROADCAST_TO: axes of size 1 are repeated, and axes are added in front."""
    source, shape = movable(site, 0), site.output.shape
    padded = (1,) * (len(shape) - len(source.shape)) + source.shape
    site.expect(
        len(padded) == len(shape) and all(size in (1, whole) for size, whole in zip(padded, shape, strict=True)),
        f"{source} of shape {source.shape} can't be spread to {shape}; expected sizes of 1, or the same; convert the model again",
    )
    return (move(site, 0, view_of(source, padded).stretch(shape), view_of(site.output)),)
