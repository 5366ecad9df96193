"""Measure a variant on the test part, and on this machine's clock."""

from pathlib import Path

from prefect import runtime, task

from emberflow import fingerprint
from emberflow.adapters.crew import Job
from emberflow.adapters.workshop import Workshop
from emberflow.artifact import Kind
from emberflow.dataset import Splits
from emberflow.evaluate.grading import Grading
from emberflow.recipe import Recipe
from emberflow.stages.evaluate import Paper
from emberflow.target import TargetKind
from emberflow.task import Task
from emberflow.values import Value
from tasks.caching import Inputs, StageCache
from tasks.conduct import RETRIED, stage
from tasks.products import Converted, Measured, Timings, Trained

LIMIT_SECONDS = 3600


class Scoring(Value):
    """What a variant is scored by, on which kind of device it will run, and in which folder the project's functions lie."""

    task: Task
    kind: TargetKind
    folder: Path

    def facts(self, splits: Splits) -> str:
        """What of it decides a result: not where the project lies, but what its own metric is, and the part that thresholds are chosen on."""
        own = fingerprint.of_entry(self.task.metric, self.folder) if self.task.is_own_metric else ""
        return repr((self.task, self.kind, own, splits.labels, splits.target, splits.target_unit, splits.validation if self.task.chooses else ""))


def grading(scoring: Scoring, splits: Splits, workshop: Workshop) -> Grading:
    """The scoring with its arrays by path."""
    x, y = (workshop.store.path(artifact) for artifact in (splits.validation.x, splits.validation.y))
    return Grading(task=scoring.task, labels=len(splits.labels), target=splits.target, validation_x=x, validation_y=y, folder=scoring.folder)


def _facts(inputs: Inputs) -> str:
    splits: Splits = inputs["splits"]
    baseline: Trained = inputs["baseline"]
    data = (splits.test, baseline.predictions, baseline.quality.thresholds)
    return repr((inputs["recipe"], inputs["converted"].model, data, inputs["scoring"].facts(splits)))


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
            thresholds=baseline.quality.thresholds,
            labels=splits.labels,
            measure=scoring.task.measure(splits.target_unit),
            unit=splits.target_unit,
            grading=grading(scoring, splits, workshop),
            is_microcontroller=scoring.kind is TargetKind.MICROCONTROLLER,
        )
        out = (place / "answers.svg", place / "outputs.npy")
        keywords = {"recipe": str(recipe), "model": path(converted.model), "paper": paper, "out": out}
        evaluation = workshop.run(Job("emberflow.stages.evaluate:evaluate", keywords, LIMIT_SECONDS, urgency=-2), tell)
        outputs = workshop.store.put(out[1], Kind.ARRAY) if evaluation.micro.runs else None
        return Measured(evaluation=evaluation, answers_plot=workshop.store.put(out[0], Kind.SVG), outputs=outputs)


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
