"""Choices: which variant serves, and why, in words. Pure ordering of what was judged; refuses to measure or to judge again."""

from collections.abc import Sequence

from emberflow.errors import ProjectError, did_you_mean
from emberflow.measure import Measure
from emberflow.recipe import Recipe
from emberflow.variant import Choice, Interval, Reason, ReasonKind, Variant

_BLOCKING = (ReasonKind.FORMAT, ReasonKind.RUNTIME, ReasonKind.PARITY, ReasonKind.SELF_TEST, ReasonKind.UNMEASURED)
_POINT = 0.01


def choose(variants: Sequence[Variant], measure: Measure) -> Choice:
    """The variant that serves: of those that fit, the one that takes the least flash.

    Ties are broken by the better `measure`, then less RAM, then fewer bytes to send, then fewer steps in the recipe, then the name.
    When none fits, `nearest` is the one that misses by the least: first those whose format and runtime the target takes and whose firmware
    is not refuted, then the smallest sum of relative overshoots (see `overshoot`), then the order of ties.

    Args:
        variants: in any order, with distinct recipes; empty when no variant could be made.
        measure: what the project goes by.
    Raises: ProjectError: a variant wasn't scored with `measure`.
    """
    if not variants:
        return Choice(
            champion=None, pareto=(), explanation="No variant could be made, so there is nothing to choose from: see why each recipe failed."
        )
    front = pareto(variants, measure)
    recipes = tuple(variant.recipe for variant in front)
    fitting = sorted((variant for variant in variants if variant.verdict.fits), key=lambda variant: _rank(variant, measure))
    if not fitting:
        nearest = min(variants, key=lambda variant: (_is_blocked(variant), overshoot(variant), _rank(variant, measure)))
        explanation = f"{_explain_nearest(nearest, len(variants))} {_explain_front(front, variants, measure)}"
        return Choice(champion=None, nearest=nearest.recipe, pareto=recipes, explanation=explanation)
    words = (_explain_champion(fitting, len(variants), measure), _explain_second(fitting, measure), _explain_front(front, variants, measure))
    return Choice(champion=fitting[0].recipe, pareto=recipes, explanation=" ".join(words))


def pareto(variants: Sequence[Variant], measure: Measure) -> tuple[Variant, ...]:
    """The variants that no other beats in both flash and `measure`, smallest first; equal ones all belong.

    One beats another when it takes no more flash and scores no less, and is better in one of the two.

    Raises: ProjectError: a variant wasn't scored with `measure`.
    """
    front = (variant for variant in variants if not any(_beats(other, variant, measure) for other in variants))
    return tuple(sorted(front, key=lambda variant: _rank(variant, measure)))


def overshoot(variant: Variant) -> float:
    """By how much `variant` misses: the sum over its reasons of `missing / limit`, 0 when it fits.

    A limit is what the target and budget allow: bytes, instructions, µs, or metric points, where an allowance below 0.01 counts as 0.01.
    Reasons without a number add nothing.
    """
    return sum(_relative(reason, variant) for reason in variant.verdict.reasons)


def _relative(reason: Reason, variant: Variant) -> float:
    missing, footprint = reason.missing or 0.0, variant.verdict.footprint
    if reason.kind is ReasonKind.ACCURACY:
        return missing / max(variant.evaluation.drop.estimate - missing, _POINT)
    taken = {
        ReasonKind.FLASH: footprint.flash_bytes,
        ReasonKind.RAM: footprint.ram_bytes,
        ReasonKind.STACK: footprint.stack_bytes,
        ReasonKind.INSTRUCTIONS: footprint.instructions,
        ReasonKind.TIME: footprint.latency_us,
    }.get(reason.kind)
    return 0.0 if taken is None else missing / max(taken - missing, 1)


def _rank(variant: Variant, measure: Measure) -> tuple[int, float, int, int, int, str]:
    footprint, size = variant.verdict.footprint, variant.evaluation.size
    steps = len(Recipe.parse(variant.recipe).steps)
    return footprint.flash_bytes, measure.rank(_score(variant, measure)), footprint.ram_bytes, size.compressed_bytes, steps, variant.recipe


def _score(variant: Variant, measure: Measure) -> float:
    scores = variant.evaluation.quality.scores
    if measure.name not in scores:
        raise ProjectError(
            f"received '{measure.name}' as the metric, with which '{variant.recipe}' wasn't scored; expected one of {', '.join(scores)}."
            f"{did_you_mean(measure.name, scores)}"
        )
    return scores[measure.name]


def _beats(one: Variant, other: Variant, measure: Measure) -> bool:
    ours, theirs = _rank(one, measure)[:2], _rank(other, measure)[:2]
    return ours != theirs and ours[0] <= theirs[0] and ours[1] <= theirs[1]


def _is_blocked(variant: Variant) -> bool:
    return any(reason.kind in _BLOCKING for reason in variant.verdict.reasons)


def _explain_champion(fitting: Sequence[Variant], made: int, measure: Measure) -> str:
    champion = fitting[0]
    flash_bytes = champion.verdict.footprint.flash_bytes
    if made == 1:
        return f"{champion.recipe} serves: it is the only variant, and it fits ({flash_bytes:,} B of flash)."
    opening = f"{champion.recipe} serves: {_count(len(fitting), made)}, and it takes the least flash"
    tied = [variant for variant in fitting[1:] if variant.verdict.footprint.flash_bytes == flash_bytes]
    if not tied:
        return f"{opening} ({flash_bytes:,} B)."
    others = f"as {'does' if len(tied) == 1 else 'do'} {_join(tied)}"
    return f"{opening}, {others} ({flash_bytes:,} B each); {_explain_tie(champion, tied[0], measure)}.{_explain_noise(champion, tied, measure)}"


def _count(fitting: int, made: int) -> str:
    if fitting == made:
        return f"all {made} variants fit"
    return f"{fitting} of {made} variants {'fits' if fitting == 1 else 'fit'}"


def _explain_tie(champion: Variant, second: Variant, measure: Measure) -> str:
    _, score, ram_bytes, compressed_bytes, steps, _ = _rank(champion, measure)
    _, other_score, other_ram_bytes, other_compressed_bytes, other_steps, _ = _rank(second, measure)
    against, scores = f"against {second.recipe}", [measure.show(_score(variant, measure)) for variant in (champion, second)]
    if score != other_score:
        return f"the {measure.better} {measure.name} decided {against}, {scores[0]} to {scores[1]}"
    if ram_bytes != other_ram_bytes:
        return f"with the same {measure.name}, less RAM decided {against}, {ram_bytes:,} B to {other_ram_bytes:,} B"
    if compressed_bytes != other_compressed_bytes:
        return f"with the same {measure.name} and RAM, fewer bytes to send decided {against}, {compressed_bytes:,} B to {other_compressed_bytes:,} B"
    if steps != other_steps:
        return f"with the same {measure.name}, RAM and bytes to send, fewer steps in the recipe decided {against}"
    return f"{measure.name}, RAM, bytes to send and steps are the same, so the alphabet decided {against}"


def _explain_noise(champion: Variant, tied: Sequence[Variant], measure: Measure) -> str:
    close = [variant for variant in tied if _overlap(champion.evaluation.drop, variant.evaluation.drop)]
    if not close:
        return ""
    return f" The difference in {measure.name} to {_join(close)} is within noise: the 95 % intervals of the losses overlap."


def _overlap(one: Interval, other: Interval) -> bool:
    return one.low <= other.high and other.low <= one.high


def _explain_second(fitting: Sequence[Variant], measure: Measure) -> str:
    if len(fitting) == 1:
        return "No other variant fits, so none came second."
    champion, second = fitting[:2]
    more_bytes = second.verdict.footprint.flash_bytes - champion.verdict.footprint.flash_bytes
    flash = f"{more_bytes:,} B more flash" if more_bytes else "the same flash"
    return f"{second.recipe} came second, with {flash} and {measure.name} {_compare(_score(second, measure), _score(champion, measure), measure)}."


def _compare(score: float, reference: float, measure: Measure) -> str:
    if score == reference:
        return f"the same ({measure.show(score)})"
    return f"{'higher' if score > reference else 'lower'} ({measure.show(score)} to {measure.show(reference)})"


def _explain_nearest(nearest: Variant, made: int) -> str:
    opening = f"{nearest.recipe}, the only variant, doesn't fit" if made == 1 else f"None of {made} variants fits; {nearest.recipe} comes nearest"
    return f"{opening}: {'. Also: '.join(f'{reason.message}; {reason.advice}' for reason in nearest.verdict.reasons)}."


def _explain_front(front: Sequence[Variant], variants: Sequence[Variant], measure: Measure) -> str:
    points = ", ".join(_point(variant, measure) for variant in front)
    others = f"for every other variant, one of these takes no more flash and has no {measure.worse} {measure.name}"
    rest = "no variant is beaten in both" if len(front) == len(variants) else others
    return f"Pareto front of flash and {measure.name}: {points}; {rest}.{_explain_equals(front, measure)}"


def _point(variant: Variant, measure: Measure) -> str:
    unfit = "" if variant.verdict.fits else ", doesn't fit"
    return f"{variant.recipe} ({variant.verdict.footprint.flash_bytes:,} B, {measure.show(_score(variant, measure))}{unfit})"


def _explain_equals(front: Sequence[Variant], measure: Measure) -> str:
    groups: dict[tuple[int, float], list[Variant]] = {}
    for variant in front:
        groups.setdefault(_rank(variant, measure)[:2], []).append(variant)
    return "".join(f" {_join(group)} are equal in both." for group in groups.values() if len(group) > 1)


def _join(variants: Sequence[Variant]) -> str:
    *first, last = (variant.recipe for variant in variants)
    return f"{', '.join(first)} and {last}" if first else last
