"""The gate's report in Markdown: for the registry, Prefect, the run's folder and the bundle. Knows words; decides nothing."""

from collections.abc import Iterator

from emberflow.contest import Contest, half_width
from emberflow.gate import Decision

FILE = "gate.md"


def render_gate(decision: Decision, project: str) -> str:
    """The sentence, each rule with its numbers, and the comparison by class."""
    lines = [f"**{project}: {decision.sentence}**", "", *_findings(decision), *(_contest(decision.contest) if decision.contest else ())]
    return "\n".join(lines) + "\n"


def _findings(decision: Decision) -> Iterator[str]:
    if not decision.findings:
        return
    yield f"| rule | asks for | | version {decision.version} |"
    yield "| --- | --- | --- | --- |"
    for finding in decision.findings:
        yield f"| `{finding.rule}` | {finding.asked} | {'holds' if finding.holds else '**broken**'} | {_cell(finding.words)} |"


def _contest(contest: Contest) -> Iterator[str]:
    if contest.loss is not None:
        yield ""
        yield f"On {contest.samples:,} test samples, with {contest.confidence:.0%} intervals; a loss is positive:"
        yield ""
        yield "| | samples | champion | new | loss |"
        yield "| --- | ---: | ---: | ---: | ---: |"
        overall = f"{contest.champion:.4f} | {contest.challenger:.4f} | {contest.loss.estimate:+.4f} +- {half_width(contest.loss):.4f}"
        yield f"| {contest.metric} | {contest.samples:,} | {overall} |"
    for each in contest.classes:
        loss = f"{each.loss.estimate:+.4f} +- {half_width(each.loss):.4f}"
        yield f"| recall of {_cell(each.label)} | {each.samples:,} | {each.champion:.4f} | {each.challenger:.4f} | {loss} |"
    if contest.notes:
        yield ""
        yield from (f"- {note}" for note in contest.notes)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
