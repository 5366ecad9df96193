"""Link one variant's firmware, run it on the emulated core, prove it equal to TFLM and have the product test itself."""

from prefect import runtime, task

from emberflow import fingerprint
from emberflow.adapters.bench import Assignment
from emberflow.adapters.crew import Job
from emberflow.adapters.toolchain import default_cache
from emberflow.adapters.workshop import Workshop
from emberflow.dataset import Splits
from emberflow.recipe import Recipe
from emberflow.target import Target
from emberflow.variant import Firmware
from tasks.caching import Inputs, StageCache
from tasks.conduct import RETRIED, stage
from tasks.evaluate import Scoring, grading
from tasks.products import Converted, Measured, Translated

LIMIT_SECONDS = 3600


def _facts(inputs: Inputs) -> str:
    """Of the target what the linker, the compiler and the emulated core are told; not its title or clock."""
    target, splits = inputs["target"], inputs["splits"]
    device = target.model_dump(include={"name", "core", "regions", "flash_bytes", "ram_bytes"})
    samples = (splits.test, splits.vectors, splits.standardization)
    return repr((inputs["converted"].model, inputs["translated"], inputs["measured"].outputs, samples, device, inputs["scoring"].facts(splits)))


def _run_name() -> str:
    return f"run on chip {runtime.task_run.parameters['recipe']}"


@task(
    name="run on chip",
    task_run_name=_run_name,
    cache_policy=StageCache(stage="run_on_chip", module="emberflow.adapters.bench", tools=fingerprint.TOOLS, facts=_facts),
    **RETRIED,
)
def run_on_chip(  # noqa: PLR0913 - what it runs, where, by what it is scored
    recipe: Recipe,
    converted: Converted,
    measured: Measured,
    translated: Translated,
    splits: Splits,
    target: Target,
    scoring: Scoring,
    workshop: Workshop,
) -> Firmware:
    """What the recipe's firmware takes on `target` and does there; why not, where it can't be built here."""
    packing = translated.translation.packing
    if translated.sources is None:
        return Firmware(sources=None, why_not=translated.translation.refused)
    with stage(f"run on chip {recipe}") as tell:
        path = workshop.store.path
        assignment = Assignment(
            name=translated.translation.name,
            sources=path(translated.sources),
            model=path(converted.model),
            x=path(splits.test.x),
            y=path(splits.test.y),
            expected=path(measured.outputs) if measured.outputs else None,
            vectors=(path(splits.vectors.x), path(splits.vectors.y)),
            standardization=splits.standardization,
            labels=splits.labels,
            unit=splits.target_unit,
            grading=grading(scoring, splits, workshop),
            target=target,
            toolchain=default_cache(),
        )
        found = workshop.run(Job("emberflow.adapters.bench:run_on_chip", {"assignment": assignment}, LIMIT_SECONDS, urgency=-4), tell)
        return Firmware(sources=translated.sources, packing=packing, on_chip=found.on_chip, quality=found.quality, why_not=found.why_not)


def _core(inputs: Inputs) -> str:
    return str(inputs["target"].core)


@task(
    name="get compiler ready",
    task_run_name="get compiler ready",
    cache_policy=StageCache(stage="get_ready", module="emberflow.adapters.toolchain", tools=fingerprint.TOOLS, facts=_core),
    **RETRIED,
)
def get_compiler_ready(target: Target, workshop: Workshop) -> None:
    """The first build for a core takes the compiler up to 20 s: while the baseline trains, nobody waits for it."""
    with stage("get compiler ready") as tell:
        workshop.run(Job("emberflow.adapters.bench:get_ready", {"target": target, "toolchain": default_cache()}, LIMIT_SECONDS), tell)
