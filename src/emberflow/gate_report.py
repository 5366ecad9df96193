"""The gate's report in Markdown: for the registry, Prefect, the run's folder and the bundle. Knows words; decides nothing.

Labels come from strangers, and a comment from whoever was asked: all of it is escaped.
"""

from collections.abc import Iterator

from emberflow.contest import Contest, half_width
from emberflow.gate import Decision
from emberflow.table import escape

FILE = "gate.md"


def render_gate(decision: Decision, project: str) -> str:
    """The sentence, each rule with its numbers, and the comparison by class."""
    lines = [f"**{escape(f'{project}: {decision.sentence}')}**", "", *_findings(decision), *(_contest(decision.contest) if decision.contest else ())]
    return "\n".join(lines) + "\n"


def _findings(decision: Decision) -> Iterator[str]:
    if not decision.findings:
        return
    asks = any(finding.asked for finding in decision.findings)  # of a first version, which is compared with none, no rule asks for a number
    yield f"| rule | {'asks for | ' if asks else ''}| version {decision.version} |"
    yield f"| --- | {'--- | ' if asks else ''}--- | --- |"
    for finding in decision.findings:
        asked = f"{escape(finding.asked)} | " if asks else ""
        yield f"| `{finding.rule}` | {asked}{'holds' if finding.holds else '**broken**'} | {escape(finding.words)} |"


def _contest(contest: Contest) -> Iterator[str]:
    if contest.loss is not None:
        yield ""
        yield f"On {contest.samples:,} test samples, with {contest.confidence:.0%} intervals; a loss is positive:"
        yield ""
        yield "| | samples | champion | new | loss |"
        yield "| --- | ---: | ---: | ---: | ---: |"
        measure = contest.measure
        old, new = (measure.show(score or 0.0) for score in (contest.champion, contest.challenger))
        loss, half = (measure.show(value) for value in (contest.loss.estimate, half_width(contest.loss)))
        overall = f"{old} | {new} | {'' if contest.loss.estimate < 0 else '+'}{loss} +- {half}"
        yield f"| {escape(contest.metric)} | {contest.samples:,} | {overall} |"
    for each in contest.classes:
        loss = f"{each.loss.estimate:+.4f} +- {half_width(each.loss):.4f}"
        yield f"| recall of {escape(each.label)} | {each.samples:,} | {each.champion:.4f} | {each.challenger:.4f} | {loss} |"
    if contest.notes:
        yield ""
        yield from (f"- {escape(note)}" for note in contest.notes)
