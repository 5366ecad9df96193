"""Make the .tflite of one recipe."""

from prefect import runtime, task

from emberflow.adapters.crew import Job
from emberflow.adapters.workshop import Workshop
from emberflow.artifact import Artifact, Kind
from emberflow.convert import Conversion
from emberflow.recipe import Recipe
from emberflow.stages.convert import Source
from tasks.caching import Inputs, StageCache
from tasks.conduct import RETRIED, stage
from tasks.products import Compressed, Converted, Trained

LIMIT_SECONDS = 1800


def _facts(inputs: Inputs) -> str:
    recipe: Recipe = inputs["recipe"]
    calibration = inputs["calibration"] if recipe.format.is_full_integer else None
    return repr((inputs["before"].model, inputs["before"].notes, recipe.format, calibration, inputs["how"].about(recipe.format)))


def _run_name() -> str:
    return f"convert {runtime.task_run.parameters['recipe']}"


@task(name="convert", task_run_name=_run_name, cache_policy=StageCache(stage="convert", facts=_facts), **RETRIED)
def convert(recipe: Recipe, before: Trained | Compressed, calibration: Artifact, how: Conversion, workshop: Workshop) -> Converted:
    """The .tflite of `recipe`, from the model after its steps."""
    with stage(f"convert {recipe}") as tell, workshop.store.workplace() as place:
        out = place / "model.tflite"
        keywords = {
            "source": Source(path=workshop.store.path(before.model), kind=before.model.kind),
            "number_format": recipe.format,
            "calibration": workshop.store.path(calibration),
            "how": how,
            "out": out,
        }
        outcome = workshop.run(Job("emberflow.stages.convert:convert", keywords, LIMIT_SECONDS, urgency=-1), tell)
        return Converted(model=workshop.store.put(out, Kind.TFLITE), notes=(*before.notes, *outcome.notes), sparse=outcome.sparse)
