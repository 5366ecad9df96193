"""The report of a run: one HTML page without scripts, links or files beside it. Knows records, tables and plots; refuses to judge or measure.

Every string of a record may come from a stranger: the template escapes all, and only drawings of ours pass as they are.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from emberflow import canvas, plot, table
from emberflow.budget import Budget
from emberflow.canvas import Plot
from emberflow.recipe import Recipe
from emberflow.record import Record
from emberflow.savings import Saving, savings
from emberflow.task import TaskKind
from emberflow.units import show_bytes, show_score, show_time
from emberflow.variant import Footprint, Quality, Variant

_MINUS = re.compile(r"(?<![\w.-])-(?=\d)")
_THEMED = {
    canvas.INK: "var(--ink)",
    canvas.FAINT: "var(--faint)",
    canvas.FITS: "var(--fits)",
    canvas.MISSES: "var(--misses)",
    canvas.ROOM: "var(--room)",
}


_MATRIX = "Rows are true labels, columns predictions; numbers are test samples, colour is the share of the row."
_ANSWERS = {
    TaskKind.CLASSIFICATION: ("Confusion", _MATRIX),
    TaskKind.BINARY: ("Confusion", _MATRIX),
    TaskKind.MULTI_LABEL: ("Labels found", "How often each label was found, missed, said wrongly, and rightly not said, among the test samples."),
    TaskKind.REGRESSION: ("Predicted against true", "Some of the test samples; on the dotted line both are equal."),
    TaskKind.ANOMALY: ("Errors of reconstruction", f"Test samples by their error; the line is the threshold, the table what it decides. {_MATRIX}"),
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


@dataclass(frozen=True)
class LayerBar:
    """One layer in the firmware: its flash and instructions with the length of their bars, in percent of the largest, and its encoding."""

    name: str
    constant_bytes: int
    flash_length: float
    instructions: int
    instructions_length: float
    share: float
    encoding: str


@dataclass(frozen=True)
class Piece:
    """A part of flash or RAM as a piece of one bar, in percent of the whole."""

    name: str
    bytes: int
    share: float


def render_report(record: Record) -> str:
    """The page as text: verdict, table, plots, savings, every variant's details, failures, data, provenance."""
    environment = environment_of_pages()
    environment.filters.update(
        bytes=show_bytes,
        time=show_time,
        score=show_score,
        short=table.show_count,
        count="{:,}".format,
        typeset=typeset,
        meaning=lambda recipe: Recipe.parse(recipe).meaning,
    )
    ordered = table.rows(record)
    shown = _shown(record)
    return environment.get_template("report.html.j2").render(
        record=record,
        shown=shown,
        meters=meters(record, shown) if shown else (),
        layers=layer_bars(shown) if shown else (),
        flash=flash_pieces(shown) if shown else (),
        ram=ram_pieces(shown) if shown else (),
        packed=[variant for variant in record.variants if variant.firmware and variant.firmware.packing],
        unchecked=table.notes(record),
        skipped=table.skipped(record.skipped),
        columns=table.columns(record.measure),
        rows=ordered,
        variants=[record.variant(row.recipe) for row in ordered],
        verdicts={row.recipe: row.verdict for row in ordered},
        parities={row.recipe: row.parity for row in ordered},
        simplest=_simplest(savings(record)),
        savings=savings(record),
        drawing=_Drawings(record),
        heading=_ANSWERS[record.task][0],
        reading=_ANSWERS[record.task][1],
        outcomes=plot.OUTCOMES,
        finds=finds(record),
        legend=f"{table.LEGEND.format(star=table.STAR)} {table.BASIS}",
        star=table.STAR,
    )


def environment_of_pages() -> Environment:
    """The templates, all of whose values are escaped; a name that isn't given is an error."""
    return Environment(
        loader=PackageLoader("emberflow", "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )


def finds(record: Record) -> list[tuple[str, int, int]]:
    """Of each label how many test samples have it, and in how many of those the baseline finds it; none where nothing is decided."""
    quality, labels = record.baseline.quality, record.splits.labels
    if quality.by_label:
        return [(label, found + missed, found) for label, (found, missed, *_) in zip(labels, quality.by_label, strict=True)]
    return [(label, sum(line), line[i]) for i, (label, line) in enumerate(zip(labels, quality.confusion, strict=False))]


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
        *_meters_if_asked(footprint, budget),
        _meter(
            f"loss of {record.metric}",
            drop.estimate,
            budget.accuracy_drop,
            record.measure.show_loss(drop),
            record.measure.show(budget.accuracy_drop, digits=3),
        ),
    )


def _meters_if_asked(footprint: Footprint, budget: Budget) -> Iterator[Meter]:
    """Of stack, instructions and time, where the budget names them and they are known."""
    if footprint.stack_bytes and budget.stack:
        yield _meter("stack", footprint.stack_bytes, budget.stack, show_bytes(footprint.stack_bytes), show_bytes(budget.stack))
    if footprint.instructions and budget.instructions:
        figures = (table.show_count(footprint.instructions), table.show_count(budget.instructions))
        yield _meter("instructions", footprint.instructions, budget.instructions, *figures)
    if footprint.latency_us and budget.time:
        yield _meter("time, estimated", footprint.latency_us, budget.time, show_time(footprint.latency_us), show_time(budget.time))


def layer_bars(variant: Variant) -> tuple[LayerBar, ...]:
    """The layers of the firmware in the order of execution; those that cost neither flash nor instructions are left out."""
    firmware = variant.firmware
    if firmware is None or firmware.on_chip is None:
        return ()
    found = [layer for layer in firmware.on_chip.layers if layer.constant_bytes or layer.instructions]
    encodings = {layer.layer: layer.encoding for layer in firmware.packing}
    largest = max((layer.constant_bytes for layer in found), default=0) or 1
    longest = max((layer.instructions or 0 for layer in found), default=0) or 1
    total = sum(layer.instructions or 0 for layer in found) or 1
    return tuple(
        LayerBar(
            name=layer.name,
            constant_bytes=layer.constant_bytes,
            flash_length=_percent(layer.constant_bytes, largest),
            instructions=layer.instructions or 0,
            instructions_length=_percent(layer.instructions or 0, longest),
            share=_percent(layer.instructions or 0, total),
            encoding=encodings.get(layer.name, ""),
        )
        for layer in found
    )


def flash_pieces(variant: Variant) -> tuple[Piece, ...]:
    """What lies in flash: the layers' constants, other constants, code, first values of variables."""
    on_chip = variant.firmware.on_chip if variant.firmware else None
    if on_chip is None:
        return ()
    linked = on_chip.linked
    constants = sum(layer.constant_bytes for layer in on_chip.layers)
    code, read_only = linked.sections.get(".text", 0), linked.sections.get(".rodata", 0)
    named = {"weights and parameters": constants, "code": code, "other constants": max(read_only - constants, 0)}
    rest = linked.flash_bytes - sum(named.values())
    return _pieces({**named, "vectors, first values, alignment": max(rest, 0)})


def ram_pieces(variant: Variant) -> tuple[Piece, ...]:
    """What lies in RAM: arena, other variables, and the stack as it is used and as it is set aside."""
    on_chip = variant.firmware.on_chip if variant.firmware else None
    if on_chip is None:
        return ()
    linked, used = on_chip.linked, on_chip.stack_bytes or 0
    return _pieces(
        {
            "arena": linked.arena_bytes,
            "other variables": linked.variable_bytes - linked.arena_bytes,
            "stack in use": used,
            "stack set aside": max(linked.reserved_stack_bytes - used, 0),
        }
    )


def _pieces(named: dict[str, int]) -> tuple[Piece, ...]:
    whole = sum(named.values())
    return tuple(Piece(name, count, _percent(count, whole)) for name, count in named.items() if count)


def _percent(part: float, whole: float) -> float:
    return round(100 * part / whole, 1)


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
        return self._inline(plot.training(curve)) if curve else Markup("")

    def answers(self, title: str, quality: Quality) -> Markup:
        return self._inline(plot.answers(quality, self._record.splits.labels, self._record.splits.target_unit, title))

    def _inline(self, drawing: Plot) -> Markup:
        self._drawn += 1
        return inline(drawing, f"d{self._drawn}-")


def inline(drawing: Plot, scope: str = "") -> Markup:
    """`drawing` as a figure of a page, in colours that follow the page's scheme; `scope` goes before its ids."""
    svg = drawing.svg(scope)
    for colour, variable in _THEMED.items():
        svg = svg.replace(f": {colour}", f": {variable}")
    figure = Markup('<figure class="drawing" role="img" aria-label="{}">{}</figure>')
    return figure.format(drawing.alt, Markup(svg))  # noqa: S704 - matplotlib escaped it; a test puts a script into a label
