"""Measure a variant on the test part, and on this machine's clock."""

from prefect import runtime, task

from emberflow.adapters.crew import Job
from emberflow.adapters.workshop import Workshop
from emberflow.artifact import Kind
from emberflow.dataset import Splits
from emberflow.recipe import Recipe
from emberflow.stages.evaluate import Paper
from emberflow.target import TargetKind
from emberflow.values import Value
from tasks.caching import Inputs, StageCache
from tasks.conduct import RETRIED, stage
from tasks.products import Converted, Measured, Timings, Trained

LIMIT_SECONDS = 3600


class Scoring(Value):
    """What a variant is scored by, and on which kind of device it will run."""

    metric: str
    kind: TargetKind


def _facts(inputs: Inputs) -> str:
    splits: Splits = inputs["splits"]
    data = (splits.test, splits.labels, inputs["baseline"].predictions)
    return repr((inputs["recipe"], inputs["converted"].model, data, inputs["scoring"]))


def _evaluate_name() -> str:
    return f"evaluate {runtime.task_run.parameters['recipe']}"


@task(name="evaluate", task_run_name=_evaluate_name, cache_policy=StageCache(stage="evaluate", facts=_facts), **RETRIED)
def evaluate(recipe: Recipe, converted: Converted, baseline: Trained, splits: Splits, scoring: Scoring, workshop: Workshop) -> Measured:
    """Everything that is measured of the recipe's .tflite on the test part."""
    path = workshop.store.path
    with stage(f"evaluate {recipe}") as tell, workshop.store.workplace() as place:
        paper = Paper(
            x=path(splits.test.x),
            y=path(splits.test.y),
            predictions=path(baseline.predictions),
            labels=splits.labels,
            metric=scoring.metric,
            is_microcontroller=scoring.kind is TargetKind.MICROCONTROLLER,
        )
        out = place / "confusion.svg"
        keywords = {"recipe": str(recipe), "model": path(converted.model), "paper": paper, "out": out}
        evaluation = workshop.run(Job("emberflow.stages.evaluate:evaluate", keywords, LIMIT_SECONDS, urgency=-2), tell)
        return Measured(evaluation=evaluation, confusion_plot=workshop.store.put(out, Kind.SVG))


def _timed(inputs: Inputs) -> str:
    return repr(([converted.model for converted in inputs["converted"]], inputs["splits"].test.x))


@task(name="time on host", task_run_name="time on host", cache_policy=StageCache(stage="evaluate", facts=_timed), **RETRIED)
def time_on_host(converted: tuple[Converted, ...], splits: Splits, workshop: Workshop) -> Timings:
    """How long one inference of each takes here; one after the other, and when all else is done, so that they compare."""
    with stage("time on this machine") as tell:
        keywords = {
            "models": [workshop.store.path(each.model) for each in converted],
            "test_x": workshop.store.path(splits.test.x),
            "threads": workshop.threads,
        }
        return Timings(latencies=workshop.run(Job("emberflow.stages.evaluate:time_on_host", keywords, LIMIT_SECONDS), tell))
