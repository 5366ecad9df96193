"""Savings: what each technique saved and what it did not, as words from numbers. Pure comparison of variants; measures nothing.

A technique is judged by two variants that differ in it alone: `prune70-int8` against `int8`, `int8` against `float32`.
Where that twin was not made, the variant with the most steps in common stands in, and all that differs is named.
"""

from collections.abc import Iterator
from math import hypot

from pydantic import Field

from emberflow.measure import Measure
from emberflow.recipe import Cluster, Format, Prune, PruneBlock, Recipe
from emberflow.record import Record
from emberflow.units import show_bytes
from emberflow.values import Value
from emberflow.variant import Firmware, Interval, Variant

_NOTHING = 0.005  # below this share, bytes are alignment and names
_CLOCK_NOISE = 0.1  # below this share, two medians taken on a machine that does other work say nothing


class Change(Value):
    """A figure without a technique and with it."""

    before: float
    after: float

    @property
    def share(self) -> float:
        """(after - before) / before: -0.55 is a saving of 55 %; 0 where there was nothing before."""
        return (self.after - self.before) / self.before if self.before else 0.0


class Saving(Value):
    """What `technique` changed: the figures of the variant `recipe` against those of `against`, and the same in a sentence."""

    technique: str
    recipe: str
    against: str
    file_bytes: Change
    compressed_bytes: Change
    flash_bytes: Change
    latency_us: Change
    instructions: Change | None = Field(description="of an inference on the emulated core; None where one of the two was not run")
    metric: Change
    loss: Interval = Field(description="by how much the metric got worse")
    sentence: str


def savings(record: Record) -> tuple[Saving, ...]:
    """One Saving for every technique that a variant of `record` has a twin for: formats first, then steps, simplest recipes first."""
    made = {Recipe.parse(variant.recipe): variant for variant in record.variants}
    simplest_first = sorted(made, key=lambda recipe: len(recipe.steps))
    found = {(recipe, twin): _compare(record, made[recipe], made[twin]) for recipe in simplest_first for twin in _twins(recipe, made)}
    return tuple(found.values())


def _twins(recipe: Recipe, made: dict[Recipe, Variant]) -> Iterator[Recipe]:
    """The variants that `recipe` is compared with: the same steps in float32, then for each of its steps the nearest one without it."""
    plain = Recipe(recipe.steps, Format.FLOAT32) if not recipe.quantizes_aware else recipe
    if plain != recipe and plain in made:
        yield plain
    for step in recipe.steps:
        poorer = [other for other in made if other.format == recipe.format and set(other.steps) <= set(recipe.steps) - {step}]
        if poorer:
            yield max(poorer, key=lambda other: len(other.steps))


def _compare(record: Record, variant: Variant, twin: Variant) -> Saving:
    ours, theirs = variant.evaluation, twin.evaluation
    saving = Saving(
        technique=_technique(Recipe.parse(variant.recipe), Recipe.parse(twin.recipe)),
        recipe=variant.recipe,
        against=twin.recipe,
        file_bytes=Change(before=theirs.size.file_bytes, after=ours.size.file_bytes),
        compressed_bytes=Change(before=theirs.size.compressed_bytes, after=ours.size.compressed_bytes),
        flash_bytes=Change(before=twin.verdict.footprint.flash_bytes, after=variant.verdict.footprint.flash_bytes),
        latency_us=Change(before=twin.latency.median_us, after=variant.latency.median_us),
        instructions=_instructions(variant, twin),
        metric=Change(before=theirs.quality.scores[record.metric], after=ours.quality.scores[record.metric]),
        loss=difference(ours.drop, theirs.drop),
        sentence="",
    )
    return saving.model_copy(update={"sentence": _say(saving, record, variant, twin)})


def _instructions(variant: Variant, twin: Variant) -> Change | None:
    before, after = twin.verdict.footprint.instructions, variant.verdict.footprint.instructions
    return None if before is None or after is None else Change(before=before, after=after)


def difference(one: Interval, other: Interval) -> Interval:
    """`one - other` with its 95 % interval, recovered from theirs: low = d - hypot(one.estimate - one.low, other.high - other.estimate).

    Source: Zou and Donner, Construction of confidence limits about effect measures, Statistics in Medicine 27 (2008), equation 11. It takes
    the two for independent; they share test samples, so the interval is rather too wide and claims less than it could.
    """
    d = one.estimate - other.estimate
    low, high = hypot(one.estimate - one.low, other.high - other.estimate), hypot(one.high - one.estimate, other.estimate - other.low)
    return Interval(estimate=d, low=d - low, high=d + high)


def _technique(recipe: Recipe, twin: Recipe) -> str:
    steps = [str(step) for step in recipe.steps if step not in twin.steps]
    return " and ".join([*steps, *([str(recipe.format)] if recipe.format != twin.format else [])])


def _say(saving: Saving, record: Record, variant: Variant, twin: Variant) -> str:
    mixed = twin.verdict.footprint.is_measured != variant.verdict.footprint.is_measured
    parts = (
        _say_bytes(saving) + (", of which one is an estimate" if mixed else ""),
        _say_weights(variant, saving.technique),
        _say_instructions(saving.instructions) if saving.instructions else _say_latency(saving.latency_us),
        _say_metric(saving, record, variant),
    )
    return f"{saving.technique} {'; '.join(filter(None, parts))}."


def _say_bytes(saving: Saving) -> str:
    zipped, flash = saving.compressed_bytes, saving.flash_bytes
    file = saving.file_bytes
    joint = "and" if _direction(file) == _direction(zipped) else "but"
    return (
        f"{_say_change(file)} in the .tflite ({_arrow(file)})"
        f" {joint} {_say_change(zipped)} zipped ({_arrow(zipped)}); in flash it {_say_change(flash)} ({_arrow_kib(flash)})"
    )


def _say_change(change: Change) -> str:
    return ("saved nothing", f"added {_percent(change.share)}", f"saved {_percent(-change.share)}")[_direction(change)]


def _direction(change: Change) -> int:
    """-1 for a saving, 1 for an addition, 0 where there is nothing to speak of."""
    return 0 if abs(change.share) < _NOTHING else 1 if change.share > 0 else -1


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if share < 0.0095 else f"{100 * share:.0f} %"


def _arrow(change: Change) -> str:
    return f"{change.before:,.0f} B -> {change.after:,.0f} B"


def _arrow_kib(change: Change) -> str:
    return f"{show_bytes(round(change.before))} -> {show_bytes(round(change.after))}"


def _say_weights(variant: Variant, technique: str) -> str:
    """What the step left in the weights, and what that is worth: a .tflite stores each weight in full, firmware may keep them packed."""
    steps = [step for step in Recipe.parse(variant.recipe).steps if str(step) in technique.split(" and ")]
    said = []
    if any(isinstance(step, Prune | PruneBlock) for step in steps):
        in_file = "" if variant.firmware else ", and a zero takes as many bytes as any weight"
        said.append(f"{100 * variant.evaluation.size.sparsity:.0f} % of the weights are zero{in_file}")
    if any(isinstance(step, Cluster) for step in steps):
        most = max((layer.distinct_per_channel for layer in variant.evaluation.size.layers), default=0)
        in_file = "" if variant.firmware else ", each still stored in full"
        said.append(f"no channel holds more than {most} distinct weights{in_file}")
    if said and variant.firmware and variant.firmware.packing:
        said.append(_say_packing(variant.firmware))
    return "; ".join(said)


def _say_packing(firmware: Firmware) -> str:
    plain, stored = (sum(getattr(layer, name) for layer in firmware.packing) for name in ("plain_bytes", "stored_bytes"))
    if plain == stored:
        return "the firmware stores them in full, for packed they would not be smaller"
    return f"the firmware keeps them packed, in {stored:,} B instead of {plain:,} B"


def _say_instructions(change: Change) -> str:
    if abs(change.share) < _NOTHING:
        return "an inference takes as many instructions on the chip"
    return f"an inference takes {_percent(abs(change.share))} {'fewer' if change.share < 0 else 'more'} instructions on the chip"


def _say_latency(change: Change) -> str:
    if abs(change.share) < _CLOCK_NOISE:
        return "inference here took as long"
    return f"inference here took {_percent(abs(change.share))} {'less' if change.share < 0 else 'more'} time"


def _say_metric(saving: Saving, record: Record, variant: Variant) -> str:
    """The change of the metric with its interval; where that holds zero, that the test part is too small to tell."""
    change, loss = saving.metric, saving.loss
    measure = record.measure
    before, after = (measure.show(value, digits=3) for value in (change.before, change.after))
    if before == after:
        return f"{measure.name} stayed at {after}"
    lost = measure.loss(change.before, change.after)
    by = measure.show(abs(round(change.before, 3) - round(change.after, 3)) if measure.is_share else abs(lost), digits=3)
    said = f"it {_gain_or_cost(measure, lost)} {by} of {measure.name} ({before} -> {after}, loss {measure.show_loss(loss)})"
    return f"{said}, too little for {variant.evaluation.quality.samples:,} test samples to tell" if loss.low <= 0 <= loss.high else said


def _gain_or_cost(measure: Measure, lost: float) -> str:
    """Of an error, more of it is what was lost."""
    if measure.higher_is_better:
        return "cost" if lost > 0 else "gained"
    return "added" if lost > 0 else "took away"
