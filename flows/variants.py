"""The tree of variants: recipes share the stages that they begin with. Submits and collects; one that fails doesn't sink the others."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.futures import PrefectFuture, as_completed

from emberflow.convert import Conversion
from emberflow.dataset import Splits
from emberflow.recipe import Recipe, Steps, prefix_name, prefixes
from emberflow.variant import Failure, Firmware, Variant
from emberflow.zeros import is_worth_trying
from flows.settings import Setting
from tasks.compile import compile_to_c
from tasks.compress import compress
from tasks.convert import convert
from tasks.evaluate import Scoring, evaluate, time_on_host
from tasks.judge import judge_variants
from tasks.products import Converted, Measured, Timings, Trained
from tasks.run_on_chip import run_on_chip

Future = PrefectFuture[Any]
_TELL_SECONDS = 2.0  # the progress artifact is a call to the API; a run from the cache would make twenty of them in two seconds


@dataclass(frozen=True)
class Branch:
    """One recipe's way through the tree: its stages by name, in order; the last two make the .tflite and measure it.

    on_chip: the stages that bring it to the chip, none where no C is compiled; a variant without them is one all the same.
    """

    recipe: Recipe
    stages: Mapping[str, Future]
    on_chip: Mapping[str, Future]

    @property
    def made(self) -> tuple[Converted, Measured]:
        """What the last two stages gave."""
        convert_future, evaluate_future = list(self.stages.values())[-2:]
        return convert_future.result(), evaluate_future.result()

    @property
    def firmware(self) -> Firmware | None:
        """What the stages on the chip gave; where one of them failed, why there is nothing."""
        found = None
        for name, future in self.on_chip.items():
            found = future.result(raise_on_failure=False)
            if isinstance(found, BaseException):
                return Firmware(sources=None, why_not=f"'{name}' failed: {found}")
        return found

    @property
    def failure(self) -> Failure | None:
        """The first stage that failed, and why; None when none did."""
        for name, future in self.stages.items():
            result = future.result(raise_on_failure=False)
            if isinstance(result, BaseException):
                return Failure(recipe=str(self.recipe), stage=name, reason=str(result))
        return None


def make_variants(setting: Setting, splits: Splits, baseline: Trained) -> tuple[tuple[Variant, ...], tuple[Failure, ...]]:
    """Every recipe's variant, judged; and the recipes that gave none."""
    branches = tuple(_submit(setting, splits, baseline))
    _wait(branches)
    failures = tuple(branch.failure for branch in branches if branch.failure)
    made = tuple((branch.recipe, *branch.made, branch.firmware) for branch in branches if not branch.failure)
    timings = time_on_host(tuple(converted for _, converted, *_ in made), splits, setting.workshop) if made else Timings(latencies=())
    timed = tuple((*each, latency) for each, latency in zip(made, timings.latencies, strict=True))
    return judge_variants(timed, setting.target, setting.project.budget, setting.project.full_task.measure(splits.target_unit)), failures


def _submit(setting: Setting, splits: Splits, baseline: Trained) -> Iterator[Branch]:
    project, workshop = setting.project, setting.workshop
    scoring: Any = _scoring(setting)  # Any: Prefect's types take no futures among values
    models: dict[Steps, Any] = {(): baseline}
    names: dict[Steps, dict[str, Future]] = {(): {}}
    for steps in prefixes(project.recipes):
        urgency = max(len(recipe.steps) for recipe in project.recipes if recipe.steps[: len(steps)] == steps) - len(steps)
        models[steps] = compress.submit(steps, models[steps[:-1]], splits, setting.plan, workshop, urgency)
        names[steps] = {**names[steps[:-1]], f"compress {prefix_name(steps)}": models[steps]}
    for recipe in project.recipes:
        converted: Any = convert.submit(recipe, models[recipe.steps], splits.calibration.x, _how(setting, recipe), workshop)
        measured = evaluate.submit(recipe, converted, baseline, splits, scoring, workshop)
        yield Branch(
            recipe, {**names[recipe.steps], "convert": converted, "evaluate": measured}, _bring_to_chip(setting, splits, recipe, converted, measured)
        )


def _scoring(setting: Setting) -> Scoring:
    return Scoring(task=setting.project.full_task, kind=setting.target.kind, folder=setting.folder)


def _how(setting: Setting, recipe: Recipe) -> Conversion:
    return setting.conversion.model_copy(update={"packs_zeros": is_worth_trying(recipe, setting.target)})


def _bring_to_chip(setting: Setting, splits: Splits, recipe: Recipe, converted: Any, measured: Any) -> Mapping[str, Future]:
    if not setting.target.compiles(recipe.format):
        return {}
    translated: Any = compile_to_c.submit(recipe, converted, setting.project.name, setting.workshop)
    return {
        "compile": translated,
        "run on chip": run_on_chip.submit(recipe, converted, measured, translated, splits, setting.target, _scoring(setting), setting.workshop),
    }


def _wait(branches: tuple[Branch, ...]) -> None:
    """Wait for every stage of the tree, and show how far it is as a Prefect artifact."""
    futures = list({id(future): future for branch in branches for future in (*branch.stages.values(), *branch.on_chip.values())}.values())
    artifact = cast(UUID, create_progress_artifact(progress=0.0, key="variants", description="Stages of the tree of variants that are done"))
    told = time.monotonic()
    for done, _ in enumerate(as_completed(futures), 1):
        if time.monotonic() > told + _TELL_SECONDS or done == len(futures):
            update_progress_artifact(artifact, progress=100.0 * done // len(futures))
            told = time.monotonic()
    for future in futures:
        future.wait()  # as_completed may be told of an end a moment before the future knows it
