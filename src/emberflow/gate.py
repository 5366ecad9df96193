"""The gate: does a new version take the champion's place? Pure comparison of what was measured with the rules; runs and moves nothing."""

from collections.abc import Iterator
from enum import StrEnum

from pydantic import Field

from emberflow.contest import ClassLoss, Contest, half_width
from emberflow.measure import Measure
from emberflow.promotion import Rules
from emberflow.recipe import Recipe
from emberflow.target import Target
from emberflow.values import Value
from emberflow.variant import Interval, Variant


class Outcome(StrEnum):
    """How it ended for the new version."""

    PROMOTED = "promoted"
    KEPT = "kept"
    REJECTED = "rejected"
    UNCHANGED = "unchanged"


class Finding(Value):
    """One rule, whether the new version holds it, and the numbers."""

    rule: str = Field(description="a key of promotion.yaml, or `comparable`")
    holds: bool
    words: str
    asked: str = Field(default="", description="what the rule asks for, where it is a number")


class Decision(Value):
    """What becomes of a version, in one sentence, and everything that was found."""

    outcome: Outcome
    sentence: str
    version: int
    champion: int | None = Field(description="whom it was compared with; None when there was none")
    findings: tuple[Finding, ...] = ()
    contest: Contest | None = None

    @property
    def serving(self) -> int | None:
        """The champion after this decision."""
        return self.version if self.outcome is Outcome.PROMOTED else self.champion


class Candidate(Value):
    """A new version before the decision: its number, what was measured of it, and the champion's number."""

    version: int
    variant: Variant
    target: Target
    champion: int | None


def decide(candidate: Candidate, contest: Contest | None, rules: Rules) -> Decision:
    """Promoted when every rule holds, else kept.

    The allowance bounds the loss as estimated: who loses more is not promoted, be it chance or not. The recall of a class is bounded where
    the fall is more than chance, because of many small classes one always falls.

    Args: contest: None when there is no champion: then the new version has only to fit.
    """
    findings = (*_on_the_device(candidate, rules), *_in_the_contest(candidate, contest, rules))
    broken = [finding for finding in findings if not finding.holds]
    version, champion = candidate.version, candidate.champion
    told = {"version": version, "champion": champion, "findings": findings, "contest": contest}
    if broken:
        stays = f"kept version {champion}" if champion else "promoted nothing"
        return Decision(outcome=Outcome.KEPT, sentence=f"{stays}: version {version} {broken[0].words}", **told)
    return Decision(outcome=Outcome.PROMOTED, sentence=f"promoted version {version}: {_why(candidate, contest)}", **told)


def unchanged(version: int, champion: int | None, known_as: str) -> Decision:
    """Nothing new was registered.

    Args: known_as: how the version that is the same stands, such as "the champion".
    """
    sentence = f"nothing new: version {version}, {known_as}, has the same model, data and code"
    return Decision(outcome=Outcome.UNCHANGED, sentence=sentence, version=version, champion=champion)


def overrule(decision: Decision, outcome: Outcome, words: str) -> Decision:
    """`decision` as a person, or another promotion, changed it. `words`: by whom and why."""
    stays = f"version {decision.champion}" if decision.champion else "nothing"
    sentence = {
        Outcome.PROMOTED: f"promoted version {decision.version}: {words}",
        Outcome.KEPT: f"kept {stays}: {words}",
        Outcome.REJECTED: f"rejected version {decision.version}: {words}",
    }.get(outcome, words)
    return decision.model_copy(update={"outcome": outcome, "sentence": sentence})


def _why(candidate: Candidate, contest: Contest | None) -> str:
    if contest is None or contest.loss is None:
        return f"it is the first, and fits {candidate.target.name}"
    measure, scores = contest.measure, (contest.challenger or 0.0, contest.champion or 0.0)
    new, old = (measure.show(score) for score in scores)
    return f"{measure.name} {new} against {old} of version {candidate.champion}, {_change(contest.loss, measure)}"


def _change(loss: Interval, measure: Measure) -> str:
    return f"{'a loss' if loss.estimate > 0 else 'a gain'} of {measure.show_amount(loss.estimate, half_width(loss))}"


def _on_the_device(candidate: Candidate, rules: Rules) -> Iterator[Finding]:
    if rules.fits_budget:
        verdict = candidate.variant.verdict
        reasons = "; ".join(reason.message for reason in verdict.reasons)
        yield _finding("fits_budget", verdict.fits, f"fits {candidate.target.name} and the budget", f"doesn't fit: {reasons}")
    if not candidate.target.compiles(Recipe.parse(candidate.variant.recipe).format):
        return
    if rules.firmware_equals_tflm:
        yield _equality(candidate.variant)
    if rules.runs_on_chip:
        yield _run(candidate.variant)
    if rules.passes_self_test:
        yield _self_test(candidate.variant)


def _equality(variant: Variant) -> Finding:
    firmware, rule = variant.firmware, "firmware_equals_tflm"
    on_chip = firmware.on_chip if firmware else None
    if on_chip is None or on_chip.emulated is None:
        why = (on_chip.fault or on_chip.unproven) if on_chip else firmware.why_not if firmware else "no firmware was made"
        return Finding(rule=rule, holds=False, words=f"was not shown to equal TFLM: {why}")
    parity = on_chip.emulated.parity
    equal = f"equals TFLM in {parity.bytes:,} output bytes over {parity.samples:,} samples"
    return _finding(rule, on_chip.is_proven, equal, f"is not proven equal to TFLM: {on_chip.complaint or on_chip.unproven}")


def _run(variant: Variant) -> Finding:
    on_chip = variant.firmware.on_chip if variant.firmware else None
    if on_chip is None or on_chip.fault or on_chip.emulated is None:
        why = on_chip.fault or on_chip.unproven if on_chip else variant.firmware.why_not if variant.firmware else "no firmware was made"
        return Finding(rule="runs_on_chip", holds=False, words=f"did not run on the emulated core: {why}")
    seen = on_chip.emulated
    return Finding(
        rule="runs_on_chip", holds=True, words=f"ran on the emulated {seen.core} to its end, {seen.parity.samples:,} samples without a fault"
    )


def _self_test(variant: Variant) -> Finding:
    firmware, rule = variant.firmware, "passes_self_test"
    test = firmware.on_chip.self_test if firmware and firmware.on_chip else None
    if firmware is None or test is None:
        on_chip = firmware.on_chip if firmware else None
        why = on_chip.fault or on_chip.unproven if on_chip else firmware.why_not if firmware else "no firmware was made"
        return Finding(rule=rule, holds=False, words=f"was not shown to pass its self-test on the emulated core: {why or 'it was not run'}")
    passed = f"self-test passed on the emulated {test.core}, {test.samples:,} samples"
    return _finding(rule, test.passed, passed, f"fails on the chip: {test}")


def _in_the_contest(candidate: Candidate, contest: Contest | None, rules: Rules) -> Iterator[Finding]:
    if contest is None:
        return
    champion = f"version {candidate.champion}"
    if contest.refusal or contest.loss is None:
        yield Finding(rule="comparable", holds=False, words=f"can't be compared with {champion}: {contest.refusal}")
        return
    measure, served, half = contest.measure, contest.champion or 0.0, half_width(contest.loss)
    few, wanted = f"of {contest.samples:,} samples", rules.smallest_test_set
    allowance, widest = (rule.of(measure, served) for rule in (rules.allowance, rules.widest_interval))
    yield _finding(
        "smallest_test_set",
        contest.samples >= wanted,
        f"was compared with {champion} on a test set {few}",
        f"can't be told from {champion}: the test set {few} is smaller than the {wanted:,} that promotion.yaml asks for",
    )
    yield _finding(
        "widest_interval",
        half <= widest or contest.loss.low > allowance,  # or it tells all the same that too much is lost
        f"was compared with {champion} to within +- {measure.show(half, 3)}",
        f"can't be told from {champion}: on a test set {few} the loss of {contest.metric} is known to within +- {measure.show(half, 3)},"
        f" and promotion.yaml asks for {rules.widest_interval.words(measure, served)}: more test samples would tell",
    )
    yield _finding(
        "allowance",
        contest.loss.estimate <= allowance,
        f"shows {_change(contest.loss, measure)} of {contest.metric}",
        f"loses {measure.show_amount(contest.loss.estimate, half)} of {contest.metric}",
        f"{rules.allowance.words(measure, served)} may be lost",
    )
    yield _worst(contest, rules)


def _worst(contest: Contest, rules: Rules) -> Finding:
    """The class that loses the most, of those whose fall is more than chance where there are any."""
    if not contest.classes:
        words = "is passed over: this task tells no labels apart, so that none has a recall"
        return Finding(rule="class_recall_drop", holds=True, words=words, asked="nothing of this task")
    asked = f"{rules.class_recall_drop:g} may be lost"
    fallen = [each for each in contest.classes if _falls(each, rules)]
    if fallen:
        worst = max(fallen, key=lambda each: each.loss.estimate)
        words = f"loses {worst.loss.estimate:.3f} +- {half_width(worst.loss):.3f} on class {worst.label}"
        return Finding(rule="class_recall_drop", holds=False, words=words, asked=asked)
    return Finding(rule="class_recall_drop", holds=True, words="loses on no class more than that, but for what may be chance", asked=asked)


def _falls(each: ClassLoss, rules: Rules) -> bool:
    return each.loss.estimate > rules.class_recall_drop and each.loss.low > 0


def _finding(rule: str, holds: bool, good: str, bad: str, asked: str = "") -> Finding:
    return Finding(rule=rule, holds=holds, words=good if holds else bad, asked=asked)
