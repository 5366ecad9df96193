"""The table of variants: the same rows and cells for terminal, Markdown and page. Knows records; refuses to know how a page looks.

Variants that fit stand first (the champion on top), then those that don't; both smallest flash first.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import zip_longest
from typing import Literal

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from emberflow.measure import Measure
from emberflow.on_chip import Parity
from emberflow.recipe import Recipe
from emberflow.record import Record
from emberflow.target import TargetKind
from emberflow.units import show_bytes, show_time
from emberflow.values import Value
from emberflow.variant import Evaluation, Interval, Reason, ReasonKind, Skipped, Variant

STAR = "★"
LEGEND = (
    "{star} champion; verdict: fits, or by how much the variant misses the budget; drop: by how much the metric is worse, with its 95 % interval."
)
BASIS = "~ estimated for TFLM; all other flash and RAM is of the linked firmware; stack and instructions of an inference are of the emulated core."

_MARKDOWN_SIGNS = re.compile(r"([\\`*_~\[\]<>|&#!$])")
_GAP = 2  # one of padding, one that the box puts between columns
_VERDICT_WIDTH = 16


class Row(Value):
    """One variant as a line of the table."""

    recipe: str
    score: float
    drop: Interval
    measure: Measure
    file_bytes: int
    compressed_bytes: int
    flash_bytes: int
    ram_bytes: int
    is_measured: bool
    stack_bytes: int | None
    instructions: int | None
    latency_us: float
    parity: str
    verdict: str
    fits: bool
    is_champion: bool


@dataclass(frozen=True)
class Column:
    """A heading, how a row's cell reads below it, and `rank`: the higher, the sooner a narrow terminal leaves it out."""

    heading: str
    show: Callable[[Row], str]
    rank: int
    is_number: bool = True


def columns(measure: Measure) -> tuple[Column, ...]:
    """The columns from left to right; `measure` is what the project goes by. Host latency is this machine's."""
    bare = measure.model_copy(update={"unit": ""})  # it stands in the heading
    return (
        Column("recipe", lambda row: row.recipe, 0, is_number=False),
        Column(f"{measure.name} {measure.unit}".rstrip(), lambda row: bare.show(row.score, digits=3), 2),
        Column("drop [95 %]", lambda row: measure.show_loss(row.drop), 6),
        Column("file KiB", lambda row: show_kib(row.file_bytes), 9),
        Column("zipped KiB", lambda row: show_kib(row.compressed_bytes), 10),
        Column("flash KiB", lambda row: _estimated(row) + show_kib(row.flash_bytes), 3),
        Column("RAM KiB", lambda row: _estimated(row) + show_kib(row.ram_bytes), 4),
        Column("stack B", lambda row: "-" if row.stack_bytes is None else f"{row.stack_bytes:,}", 8),
        Column("instructions", lambda row: "-" if row.instructions is None else show_count(row.instructions), 5),
        Column("host µs", lambda row: show_us(row.latency_us), 11),
        Column("equals TFLM", lambda row: row.parity, 7, is_number=False),
        Column("verdict", lambda row: row.verdict, 1, is_number=False),
    )


def show_kib(count: int) -> str:
    """`count` bytes as KiB with one decimal, the unit left to the heading: `26.5`."""
    return f"{count / 1024:,.1f}"


def show_count(count: int) -> str:
    """A large number with three digits: `812 k`, `1.04 M`."""
    if count < 1000:
        return str(count)
    scale, unit = (1_000, "k") if count < 999_500 else (1_000_000, "M")
    scaled = count / scale
    return f"{scaled:,.{0 if scaled >= 99.95 else 1 if scaled >= 9.995 else 2}f} {unit}"


def _estimated(row: Row) -> str:
    return "" if row.is_measured else "~"


def show_us(us: float) -> str:
    """Microseconds with three meaningful digits or all of them, the unit left to the heading: `4.2`, `52`, `1,203`."""
    return f"{us:.1f}" if us < 10 else f"{us:,.0f}"


def rows(record: Record) -> list[Row]:
    """All variants of `record`: the champion, those that fit, those that don't; each group by flash, then by score."""
    made = [_row(record, variant) for variant in record.variants]
    return sorted(made, key=lambda row: (not row.is_champion, not row.fits, row.flash_bytes, record.measure.rank(row.score), row.recipe))


def _row(record: Record, variant: Variant) -> Row:
    evaluation, verdict = variant.evaluation, variant.verdict
    return Row(
        recipe=variant.recipe,
        score=evaluation.quality.scores[record.metric],
        measure=record.measure,
        drop=evaluation.drop,
        file_bytes=evaluation.size.file_bytes,
        compressed_bytes=evaluation.size.compressed_bytes,
        flash_bytes=verdict.footprint.flash_bytes,
        ram_bytes=verdict.footprint.ram_bytes,
        is_measured=verdict.footprint.is_measured or record.target.kind is TargetKind.LINUX,
        stack_bytes=verdict.footprint.stack_bytes,
        instructions=verdict.footprint.instructions,
        latency_us=variant.latency.median_us,
        parity=firmware_equals_tflm(variant) if record.target.kind is TargetKind.MICROCONTROLLER else equals_tflm(evaluation),
        verdict="fits" if verdict.fits else ", ".join(in_few_words(variant.recipe, reason, record.measure) for reason in verdict.reasons),
        fits=verdict.fits,
        is_champion=variant.recipe == record.choice.champion,
    )


def in_few_words(recipe: str, reason: Reason, measure: Measure) -> str:
    """What `reason` holds against `recipe`, with the amount by which it misses: `flash +12.3 KiB`, `drop +0.011`, `no float16`."""
    match reason.kind:
        case ReasonKind.FORMAT:
            return f"no {Recipe.parse(recipe).format}"
        case ReasonKind.RUNTIME:
            return "runtime refuses"
        case ReasonKind.PARITY:
            return "not equal to TFLM"
        case ReasonKind.UNMEASURED:
            return "not measured"
        case ReasonKind.ACCURACY if reason.missing is not None:
            return f"drop +{measure.show(reason.missing, digits=3)}"
    word, show = _WORDS[reason.kind]
    return word if reason.missing is None else f"{word} +{show(reason.missing)}"


_WORDS: dict[ReasonKind, tuple[str, Callable[[float], str]]] = {
    ReasonKind.FLASH: ("flash", lambda missing: show_bytes(round(missing))),
    ReasonKind.RAM: ("RAM", lambda missing: show_bytes(round(missing))),
    ReasonKind.STACK: ("stack", lambda missing: show_bytes(round(missing))),
    ReasonKind.INSTRUCTIONS: ("instructions", lambda missing: f"{missing:,.0f}"),
    ReasonKind.TIME: ("time", show_time),
    ReasonKind.ACCURACY: ("drop", str),
    ReasonKind.SELF_TEST: ("fails self-test", str),
}


def firmware_equals_tflm(variant: Variant) -> str:
    """Whether the firmware gave TFLM's bytes on the emulated core: `yes`, `no`, or why nobody can say; `-` where no C is compiled."""
    firmware = variant.firmware
    if firmware is None:
        return "-" if variant.evaluation.micro.runs else "doesn't run"
    if firmware.on_chip is None:
        return "not run"
    return "yes" if firmware.on_chip.is_proven else "no" if firmware.on_chip.is_refuted else "unproven"


def notes(record: Record) -> dict[str, list[str]]:
    """What could not be checked, each once, with the recipes that it is said of, in the record's order."""
    found: dict[str, list[str]] = {}
    for variant in record.variants:
        for note in variant.verdict.notes:
            found.setdefault(note, []).append(variant.recipe)
    return found


def skipped(recipes: Iterable[Skipped]) -> dict[str, list[str]]:
    """Why recipes were skipped, each reason once, with the recipes that it holds for."""
    found: dict[str, list[str]] = {}
    for each in recipes:
        found.setdefault(each.reason, []).append(each.recipe)
    return found


def equals_tflm(evaluation: Evaluation) -> str:
    """Whether LiteRT and TFLM gave the same bytes: `yes`, `reference only`, `no (by 5)`, or why nobody can say."""
    compared = evaluation.parity
    if not evaluation.micro.runs:
        return "doesn't run"
    if not compared:
        return "not compared"
    if any(parity.distinct_outputs < 2 for parity in compared):
        return "unproven"
    equal = [parity.runtime for parity in compared if parity.equal]
    return "yes" if len(equal) == len(compared) else f"{', '.join(equal)} only" if equal else _by_how_much(compared)


def _by_how_much(compared: tuple[Parity, ...]) -> str:
    return f"no (by {max(parity.largest_difference for parity in compared):.2g})"


def markdown(record: Record) -> str:
    """The table as Markdown, every cell escaped; below it the choice in words, and the recipes that gave no variant or were skipped."""
    recipe, *figures, verdict = columns(record.measure)
    shown = (recipe, verdict, *figures)  # a page is narrower than a terminal, and this is what one looks for
    lines = [
        _line(escape(column.heading) for column in shown),
        _line("---:" if column.is_number else ":---" for column in shown),
        *(_line(_markdown_cell(column, row) for column in shown) for row in rows(record)),
        "",
        escape(LEGEND.format(star=STAR)),
        escape(BASIS),
        "",
        escape(record.choice.explanation),
    ]
    unchecked = [f"- {escape(', '.join(recipes))}: {escape(note)}" for note, recipes in notes(record).items()]
    failed = [f"- **{escape(failure.recipe)}** ({escape(failure.stage)}): {escape(failure.reason)}" for failure in record.failures]
    lines += ["", "Could not be checked:", "", *unchecked] if unchecked else []
    lines += ["", "Gave no variant:", "", *failed] if failed else []
    left = [f"- {escape(', '.join(recipes))}: {escape(reason)}" for reason, recipes in skipped(record.skipped).items()]
    return "\n".join([*lines, *(["", "Skipped:", "", *left] if left else [])]) + "\n"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _markdown_cell(column: Column, row: Row) -> str:
    text = escape(column.show(row))
    if not row.is_champion:
        return text
    return f"**{STAR} {text}**" if column.heading == "recipe" else f"**{text}**"


def escape(text: str) -> str:
    """`text` on one line, with a backslash before every sign that Markdown would read."""
    return _MARKDOWN_SIGNS.sub(r"\\\1", " ".join(text.split()))


def rich_table(record: Record, width: int = 100, star: str = STAR) -> Table:
    """The table for a terminal of `width` characters; what has no room is left out, least important first."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, _GAP - 1, 0, 0), header_style="")
    lines = rows(record)
    shown = _within(width, columns(record.measure), lines)
    table.add_column("", width=1)
    for column in shown:
        justify: Literal["left", "right"] = "right" if column.is_number else "left"
        table.add_column(Text(column.heading), justify=justify, vertical="bottom", width=_width(column, lines))
    for row, following in zip_longest(lines, lines[1:]):
        ends_group = row.fits and following is not None and not following.fits
        cells = [Text(star if row.is_champion else ""), *(Text(column.show(row)) for column in shown)]
        table.add_row(*cells, style="bold" if row.is_champion else "", end_section=ends_group)
    return table


def _within(width: int, shown: tuple[Column, ...], lines: list[Row]) -> tuple[Column, ...]:
    taken = 1 + _GAP + sum(_width(column, lines) + _GAP for column in shown) - _GAP
    if taken <= width or len(shown) == 1:
        return shown
    dropped = max(shown, key=lambda column: column.rank)
    return _within(width, tuple(column for column in shown if column is not dropped), lines)


def _width(column: Column, lines: list[Row]) -> int:
    """Characters that `column` needs: cells stay on one line (a long verdict may fold), a heading breaks between words."""
    cells = max((cell_len(column.show(row)) for row in lines), default=0)
    heading = max(cell_len(word) for word in column.heading.split())
    return max(heading, min(cells, _VERDICT_WIDTH) if column.heading == "verdict" else cells)


def render(record: Record, console: Console) -> None:
    """Print table, legend, failures and skipped recipes on `console`; a star that its encoding lacks becomes an asterisk."""
    star = "*" if console.options.ascii_only else STAR
    console.print(rich_table(record, console.width, star))
    console.print(Text(LEGEND.format(star=star), style="dim"))
    console.print(Text(BASIS, style="dim"))
    for note, recipes in notes(record).items():
        console.print(Text.assemble((", ".join(recipes), "bold"), f": {note}"))
    for failure in record.failures:
        console.print(Text.assemble((failure.recipe, "bold"), f" gave no variant ({failure.stage}): {failure.reason}"))
    for reason, recipes in skipped(record.skipped).items():
        console.print(Text.assemble((", ".join(recipes), "bold"), f" skipped: {reason}"))
