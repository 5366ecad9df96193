"""The page of an inspection: one HTML file without scripts, links or files beside it. Knows findings and the report's look; measures nothing.

Every string may come from a stranger's model: the template escapes all, and only the drawing passes as it is.
"""

import re
from dataclasses import dataclass

from emberflow.draft import CODE_BYTES, STACK_BYTES
from emberflow.inspection.chart import ram_over_time
from emberflow.inspection.findings import Inspection, OperatorFacts
from emberflow.inspection.support import COMPILER
from emberflow.report import environment_of_pages, inline, typeset
from emberflow.units import show_bytes

_TENSOR = re.compile(r"operator \d+ \w+ at position \d+ of \d+: tensor \d+ '[^']*'")
"""Where the compiler names a tensor; on the page the operators stand behind the reason."""

_BRIEF = {COMPILER: "C"}


@dataclass(frozen=True)
class Row:
    """An operator as the page shows it; lengths of bars in percent of the largest."""

    facts: OperatorFacts
    share: float
    flash_length: float
    ram_length: float
    is_peak: bool


def render_page(found: Inspection) -> str:
    """The page as text: advice, memory, operators, noise."""
    environment = environment_of_pages()
    environment.filters.update(bytes=show_bytes, count="{:,}".format, typeset=typeset, brief=lambda runtime: _BRIEF.get(runtime, runtime))
    return environment.get_template("inspection.html.j2").render(
        found=found,
        rows=rows(found),
        ram=inline(ram_over_time(found)),
        refused=refusals(found),
        runtimes=[r.name for r in found.runtimes],
        unfit=unfit(found),
        code=CODE_BYTES,
        stack=STACK_BYTES,
    )


def rows(found: Inspection) -> tuple[Row, ...]:
    """The operators with the lengths of their bars."""
    flash = max((operator.constant_bytes for operator in found.operators), default=0) or 1
    ram = found.memory.peak_bytes or 1
    return tuple(
        Row(
            facts=operator,
            share=round(100 * found.share(operator), 1),
            flash_length=round(100 * operator.constant_bytes / flash, 1),
            ram_length=round(100 * operator.alive_bytes / ram, 1),
            is_peak=operator.index == found.memory.peak_index,
        )
        for operator in found.operators
    )


def refusals(found: Inspection) -> dict[str, tuple[str, ...]]:
    """Why operators aren't run, by the reason, with those that it is said of: each reason once."""
    said: dict[str, tuple[str, ...]] = {}
    for operator in found.operators:
        for runtime, why in operator.refusals.items():
            reason = f"{runtime}: {_TENSOR.sub('a tensor', why)}"
            said[reason] = (*said.get(reason, ()), f"{operator.index} {operator.layer}")
    return said


def unfit(found: Inspection) -> dict[str, tuple[str, ...]]:
    """Why devices don't run the whole model, by the reason, with their names: each reason once."""
    said: dict[str, tuple[str, ...]] = {}
    for device in found.devices:
        for why in device.why_not:
            said[why] = (*said.get(why, ()), device.name)
    return said
