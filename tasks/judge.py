"""Judge the variants against target and budget, and choose among them. Never cached: it takes no time."""

from prefect import task

from emberflow.budget import Budget, Candidate, judge
from emberflow.choice import choose
from emberflow.evaluate.footprint import estimate, measured
from emberflow.measure import Measure
from emberflow.recipe import Recipe
from emberflow.target import Target
from emberflow.variant import Choice, Firmware, Footprint, Latency, Variant
from tasks.products import Converted, Measured

Made = tuple[Recipe, Converted, Measured, Firmware | None, Latency]


@task(name="judge variants", task_run_name="judge variants", persist_result=False)
def judge_variants(made: tuple[Made, ...], target: Target, budget: Budget, measure: Measure) -> tuple[Variant, ...]:
    """Each variant with its footprint and verdict."""
    return tuple(_judge(each, target, budget, measure) for each in made)


def _judge(made: Made, target: Target, budget: Budget, measure: Measure) -> Variant:
    recipe, converted, examined, firmware, latency = made
    evaluation = examined.evaluation
    candidate = Candidate(recipe, evaluation, _footprint(examined, firmware, target), firmware)
    return Variant(
        recipe=str(recipe),
        model=converted.model,
        notes=converted.notes,
        evaluation=evaluation,
        answers_plot=examined.answers_plot,
        latency=latency,
        sparse=converted.sparse,
        firmware=firmware,
        verdict=judge(candidate, target, budget, measure),
    )


def _footprint(examined: Measured, firmware: Firmware | None, target: Target) -> Footprint:
    """Of the linked firmware where there is one."""
    if firmware and firmware.on_chip:
        return measured(firmware.on_chip, target)
    return estimate(examined.evaluation.size, examined.evaluation.micro, target)


@task(name="choose the champion", task_run_name="choose the champion", persist_result=False)
def choose_champion(variants: tuple[Variant, ...], measure: Measure) -> Choice:
    """The smallest variant that fits, and why."""
    return choose(variants, measure)
