"""Judge each variant against target and budget, and choose among them."""

from prefect import task

from emberflow.budget import Budget, Candidate, judge
from emberflow.choice import choose
from emberflow.evaluate.footprint import estimate
from emberflow.recipe import Recipe
from emberflow.target import Target
from emberflow.variant import Choice, Evaluation, Latency, Variant
from tasks.products import Converted


@task(name="judge", task_run_name="judge {recipe}", persist_result=False)
def judge_variant(
    recipe: Recipe,
    made: tuple[Converted, Evaluation, Latency],
    target: Target,
    budget: Budget,
    metric: str,
) -> Variant:
    """The variant with its footprint and verdict."""
    converted, evaluation, latency = made
    footprint = estimate(evaluation.size, evaluation.micro, target)
    verdict = judge(Candidate(recipe, evaluation, footprint), target, budget, metric)
    return Variant(
        recipe=str(recipe),
        model=converted.model,
        notes=converted.notes,
        evaluation=evaluation,
        latency=latency,
        verdict=verdict,
    )


@task(name="choose", task_run_name="choose the champion", persist_result=False)
def choose_champion(variants: tuple[Variant, ...], metric: str) -> Choice:
    """The smallest variant that fits, and why."""
    return choose(variants, metric)
