"""RAM over time as a drawing: bytes alive while each operator runs, the peak marked. Knows findings; refuses to know pages."""

from functools import partial
from typing import TYPE_CHECKING

from emberflow.canvas import FAINT, FITS, INK, MISSES, Plot
from emberflow.inspection.findings import Inspection
from emberflow.units import show_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_NAMES = 40
_LONGEST_NAME = 22


def ram_over_time(found: Inspection) -> Plot:
    """A bar for each operator, in order; the highest in the colour of what misses, with its bytes and its layer."""
    alt = f"RAM alive while each of {len(found.operators)} operators runs; the peak is {show_bytes(found.memory.peak_bytes)}"
    return Plot(partial(_draw, found), 11.0, 3.4, alt)


def _draw(found: Inspection, figure: "Figure") -> None:
    axes = figure.add_subplot()
    axes.set_ylabel("RAM alive, KiB")
    places = range(len(found.operators))
    heights = [operator.alive_bytes / 1024 for operator in found.operators]
    peak = next((place for place, operator in enumerate(found.operators) if operator.index == found.memory.peak_index), None)
    axes.bar(places, heights, width=0.8, color=[MISSES if place == peak else FITS for place in places])
    if found.memory.arena_bytes:
        axes.axhline(found.memory.arena_bytes / 1024, color=FAINT, linewidth=0.8, linestyle=(0, (5, 3)))
        height = found.memory.arena_bytes / 1024
        words = f"arena {show_bytes(found.memory.arena_bytes)}"
        axes.annotate(words, (len(heights) - 0.4, height), xytext=(0, 3), textcoords="offset points", ha="right", va="bottom", color=INK)
    if peak is not None:
        name = f"peak: {show_bytes(found.memory.peak_bytes)}, {_short(found.operators[peak].layer)}"
        side = "left" if peak < len(heights) / 2 else "right"
        axes.annotate(name, (peak, heights[peak]), xytext=(0, 14), textcoords="offset points", ha=side, va="bottom", color=MISSES)
    axes.set_ylim(0, 1.28 * max([*heights, 1e-3]))
    axes.set_xlim(-0.6, len(heights) - 0.4)
    step = -(-len(heights) // _MOST_NAMES) or 1
    axes.set_xticks(list(places)[::step], [_short(operator.layer) for operator in found.operators[::step]], rotation=40, ha="right", fontsize=8)


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
