"""The report of a run: one HTML page without scripts, links or files beside it. Knows records, tables and plots; refuses to judge or measure.

Every string of a record may come from a stranger: the template escapes all, and only drawings of ours pass as they are.
"""

import re
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from emberflow import canvas, plot, table
from emberflow.canvas import Plot
from emberflow.recipe import Recipe
from emberflow.record import Record
from emberflow.savings import Saving, savings
from emberflow.units import show_bytes
from emberflow.variant import Variant

_MINUS = re.compile(r"(?<![\w.-])-(?=\d)")
_THEMED = {
    canvas.INK: "var(--ink)",
    canvas.FAINT: "var(--faint)",
    canvas.FITS: "var(--fits)",
    canvas.MISSES: "var(--misses)",
    canvas.ROOM: "var(--room)",
}


@dataclass(frozen=True)
class Meter:
    """A figure against its limit as a bar: `filled` and `mark` (the limit) in percent of the bar's length."""

    name: str
    figure: str
    limit: str
    filled: float
    mark: float
    is_over: bool


def render_report(record: Record) -> str:
    """The page as text: verdict, table, plots, savings, every variant's details, failures, data, provenance."""
    environment = Environment(
        loader=PackageLoader("emberflow", "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(bytes=show_bytes, count="{:,}".format, typeset=typeset, meaning=lambda recipe: Recipe.parse(recipe).meaning)
    ordered = table.rows(record)
    shown = _shown(record)
    return environment.get_template("report.html.j2").render(
        record=record,
        shown=shown,
        meters=meters(record, shown) if shown else (),
        columns=table.columns(record.metric),
        rows=ordered,
        variants=[record.variant(row.recipe) for row in ordered],
        verdicts={row.recipe: row.verdict for row in ordered},
        parities={row.recipe: row.parity for row in ordered},
        simplest=_simplest(savings(record)),
        savings=savings(record),
        drawing=_Drawings(record),
        legend=table.LEGEND.format(star=table.STAR),
        star=table.STAR,
    )


def _shown(record: Record) -> Variant | None:
    """Whose figures open the page: the champion's, else those of the one that comes nearest."""
    recipe = record.choice.champion or record.choice.nearest
    return record.variant(recipe) if recipe else None


def _simplest(found: tuple[Saving, ...]) -> list[Saving]:
    """Of each technique the first comparison, which has the fewest other steps."""
    first: dict[str, Saving] = {}
    for saving in found:
        first.setdefault(saving.technique, saving)
    return list(first.values())


def meters(record: Record, variant: Variant) -> tuple[Meter, ...]:
    """What `variant` takes of flash, RAM and the bearable loss; the limit is the smaller of budget and target."""
    target, budget, footprint = record.target, record.budget, variant.verdict.footprint
    drop = variant.evaluation.drop
    return (
        _meter_bytes("flash", footprint.flash_bytes, target.flash_bytes, budget.flash),
        _meter_bytes("RAM", footprint.ram_bytes, target.ram_bytes, budget.ram),
        _meter(f"loss of {record.metric}", drop.estimate, budget.accuracy_drop, str(drop), f"{budget.accuracy_drop:.3f}"),
    )


def _meter_bytes(name: str, taken: int, offered: int, allowed: int | None) -> Meter:
    limit = offered if allowed is None else min(offered, allowed)
    return _meter(name, taken, limit, show_bytes(taken), show_bytes(limit))


def _meter(name: str, value: float, limit: float, figure: str, limit_figure: str) -> Meter:
    whole = max(value, limit) or 1.0
    return Meter(name, figure, limit_figure, round(100 * max(value, 0) / whole, 1), round(100 * limit / whole, 1), value > limit)


def typeset(text: str) -> str:
    """`text` with a true minus before digits and a true arrow, so that signed figures align."""
    return _MINUS.sub("−", text).replace("->", "→")


class _Drawings:
    """The page's drawings, each with ids of its own and with colours that follow the page's scheme."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._drawn = 0

    def pareto(self) -> Markup:
        return self._inline(plot.pareto(self._record))

    def training(self) -> Markup:
        curve = self._record.baseline.curve
        return self._inline(plot.training(curve, self._record.metric)) if curve else Markup("")

    def _inline(self, drawing: Plot) -> Markup:
        self._drawn += 1
        svg = drawing.svg(f"d{self._drawn}-")
        for colour, variable in _THEMED.items():
            svg = svg.replace(f": {colour}", f": {variable}")
        figure = Markup('<figure class="drawing" role="img" aria-label="{}">{}</figure>')
        return figure.format(drawing.alt, Markup(svg))  # noqa: S704 - matplotlib escaped it; a test puts a script into a label
