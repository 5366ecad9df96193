"""What a run is started with, and what follows from it. Reads the project file and the target; runs nothing."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import Field

from emberflow.adapters.tracking import Tracker
from emberflow.adapters.workshop import Workshop
from emberflow.convert import Conversion
from emberflow.errors import ProjectError
from emberflow.inputs import Given, look_at, sort_out
from emberflow.project import Project, expand_recipes, read_project
from emberflow.recipe import ALL
from emberflow.runs import new_run_id
from emberflow.target import Target, find_target, load_targets, read_target
from emberflow.values import Bytes, Value
from emberflow.variant import Skipped
from tasks.compress import Plan


def _size(meaning: str) -> Any:
    pattern = r"^[0-9]+(\.[0-9]+)?\s*(B|KiB|MiB|GiB)?$"
    return Field(default=None, description=meaning, json_schema_extra=lambda schema: _offer(schema, {"type": "string", "pattern": pattern}))


def _offer(schema: dict[str, Any], form: dict[str, Any]) -> None:
    """Have Prefect's form ask for this, or for nothing."""
    schema["anyOf"] = [form, {"type": "null"}]


def _offer_recipes(schema: dict[str, Any]) -> None:
    _offer(schema, {"type": "array", "items": {"type": "string", "enum": [str(recipe) for recipe in ALL]}, "uniqueItems": True})


def _offer_targets(schema: dict[str, Any]) -> None:
    _offer(schema, {"type": "string", "enum": sorted(load_targets())})


class Limits(Value):
    """The most that the product can bear; what is left out is as the project file says."""

    flash: Bytes | None = _size("flash for model and runtime, such as '256 KiB'")
    ram: Bytes | None = _size("RAM for arena, variables and stack, such as '64 KiB'")
    stack: Bytes | None = _size("the deepest that the stack may reach, such as '512 B'")
    instructions: int | None = Field(default=None, gt=0, description="the most instructions of one inference")
    accuracy_drop: float | None = Field(default=None, ge=0, le=1, description="the most of the metric that may be lost against the float baseline")


class RunConfig(Value):
    """The parameters of a run; what is left out is as the project file says."""

    project: str = Field(min_length=1, description="path of the project file on the worker's machine, such as examples/watch/emberflow.yaml")
    recipes: tuple[str, ...] | str | None = Field(
        default=None,
        description="the recipes to try; default: those of the project, which may name others than these",
        json_schema_extra=_offer_recipes,
    )
    target: str | None = Field(default=None, description="the device; default: that of the project", json_schema_extra=_offer_targets)
    budget: Limits | None = Field(default=None, description="other limits than the project's")
    home: str = Field(default=".emberflow", min_length=1, description="folder for store, runs, bundles and the local MLflow")
    mlflow: str | None = Field(default=None, description="address of an MLflow server; default: a SQLite store in the home folder")


@dataclass(frozen=True)
class Setting:
    """Everything a run needs to know before it starts.

    project: as its file says, but with the recipes that can be carried out; the others are `skipped`.
    given: the project's baseline, looked at.
    """

    project: Project
    given: Given
    skipped: tuple[Skipped, ...]
    folder: Path
    target: Target
    workshop: Workshop
    tracker: Tracker
    plan: Plan
    conversion: Conversion
    run_id: str
    started: str


def name_of(config: RunConfig) -> str:
    """The project's name, for the name of its run; of a file that can't be read, its path, because the run itself will say what is wrong."""
    try:
        return read_project(Path(config.project)).name
    except ProjectError:
        return config.project


def set_up(config: RunConfig) -> Setting:
    """The setting of a run.

    Raises: ProjectError, RecipeError, TargetError, ModelError: the file, or what it names, is wrong; nothing has been written yet.
        StoreError: there is no room in the home folder.
    """
    path = Path(config.project)
    project = read_project(path)
    folder = path.resolve().parent
    changes: dict[str, Any] = {
        "recipes": expand_recipes(config.recipes) if config.recipes else project.recipes,
        "target": config.target or project.target,
        "budget": project.budget.model_copy(update=config.budget.model_dump(exclude_none=True) if config.budget else {}),
    }
    given = look_at(project, folder)
    recipes, skipped = sort_out(given, changes["recipes"], project.wishes)
    project = project.model_copy(update=changes | {"recipes": recipes})
    target = read_target(folder / project.target) if project.target.endswith(".toml") else find_target(project.target)
    project.wishes.check_target(target)
    workshop = Workshop.at(Path(config.home))
    workshop.store.check_room()
    now = datetime.now(UTC)
    return Setting(
        project=project,
        given=given,
        skipped=skipped,
        folder=folder,
        target=target,
        workshop=workshop,
        tracker=Tracker(config.mlflow) if config.mlflow else Tracker.local(workshop.home),
        plan=Plan(training=project.training, fine_tuning=project.fine_tuning, task=project.task, folder=folder, wishes=project.wishes),
        conversion=Conversion(per_channel=project.per_channel, signature=given.signature.name if given.signature else None, wishes=project.wishes),
        run_id=new_run_id(now),
        started=now.isoformat(timespec="seconds"),
    )
