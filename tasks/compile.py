"""Make C of one recipe's .tflite."""

from prefect import runtime, task

from emberflow.adapters.crew import Job
from emberflow.adapters.workshop import Workshop
from emberflow.artifact import Kind
from emberflow.recipe import Recipe
from tasks.caching import Inputs, StageCache
from tasks.conduct import RETRIED, stage
from tasks.products import Converted, Translated

LIMIT_SECONDS = 900


def _facts(inputs: Inputs) -> str:
    return repr((inputs["converted"].model, inputs["name"]))


def _run_name() -> str:
    return f"compile {runtime.task_run.parameters['recipe']}"


@task(name="compile", task_run_name=_run_name, cache_policy=StageCache(stage="compile", facts=_facts), **RETRIED)
def compile_to_c(recipe: Recipe, converted: Converted, name: str, workshop: Workshop) -> Translated:
    """The C11 sources of the recipe's .tflite, called `name`; or why there are none."""
    with stage(f"compile {recipe}") as tell, workshop.store.workplace() as place:
        out = place / "sources.zip"
        keywords = {"model": workshop.store.path(converted.model), "name": name, "out": out}
        translation = workshop.run(Job("emberflow.stages.compile:compile_model", keywords, LIMIT_SECONDS, urgency=-3), tell)
        return Translated(sources=None if translation.refused else workshop.store.put(out, Kind.SOURCES), translation=translation)
