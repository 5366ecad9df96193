"""Measure a variant on the test part, and on this machine's clock."""

from prefect import runtime, task

from emberflow.adapters.crew import Job
from emberflow.adapters.workshop import Workshop
from emberflow.dataset import Splits
from emberflow.recipe import Recipe
from emberflow.target import Target, TargetKind
from emberflow.variant import Evaluation, Latency
from tasks.caching import Inputs, StageCache
from tasks.conduct import RETRIED, stage
from tasks.products import Converted, Trained

LIMIT_SECONDS = 3600


def _facts(inputs: Inputs) -> str:
    return repr((inputs["converted"].model, inputs["baseline"].predictions, inputs["splits"].test, inputs["metric"], inputs["target"].kind))


def _evaluate_name() -> str:
    return f"evaluate {runtime.task_run.parameters['recipe']}"


@task(name="evaluate", task_run_name=_evaluate_name, cache_policy=StageCache(stage="evaluate", facts=_facts), **RETRIED)
def evaluate(
    recipe: Recipe,
    converted: Converted,
    baseline: Trained,
    splits: Splits,
    metric: str,
    target: Target,
    workshop: Workshop,
) -> Evaluation:
    """Everything that is measured of the recipe's .tflite on the test part."""
    path = workshop.store.path
    with stage(f"evaluate {recipe}") as tell:
        keywords = {
            "model": path(converted.model),
            "test": (path(splits.test.x), path(splits.test.y)),
            "predictions": path(baseline.predictions),
            "metric": metric,
            "is_microcontroller": target.kind is TargetKind.MICROCONTROLLER,
        }
        result: Evaluation = workshop.run(Job("emberflow.stages.evaluate:evaluate", keywords, LIMIT_SECONDS, urgency=-2), tell)
        return result


def _timed(inputs: Inputs) -> str:
    return repr((inputs["converted"].model, inputs["splits"].test.x))


def _time_name() -> str:
    return f"time {runtime.task_run.parameters['recipe']}"


@task(name="time on host", task_run_name=_time_name, cache_policy=StageCache(stage="evaluate", facts=_timed), **RETRIED)
def time_on_host(recipe: Recipe, converted: Converted, splits: Splits, workshop: Workshop) -> Latency:
    """How long one inference takes here; called for one recipe after the other, when all else is done."""
    with stage(f"time {recipe}") as tell:
        keywords = {
            "model": workshop.store.path(converted.model),
            "test_x": workshop.store.path(splits.test.x),
            "threads": workshop.threads,
        }
        result: Latency = workshop.run(Job("emberflow.stages.evaluate:time_on_host", keywords, LIMIT_SECONDS), tell)
        return result
