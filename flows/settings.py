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
from emberflow.runs import new_run_id
from emberflow.target import Target, find_target, read_target
from emberflow.values import Value
from emberflow.variant import Skipped
from tasks.compress import Plan


class RunConfig(Value):
    """The parameters of a run; what is left out is as the project file says."""

    project: str = Field(description="path of the project file, such as examples/watch/emberflow.yaml")
    recipes: str | None = Field(default=None, description="recipes separated by commas, or a set: all, formats; default: those of the project")
    target: str | None = Field(default=None, description="a device that `emberflow targets` lists; default: that of the project")
    home: str = Field(default=".emberflow", description="folder for store, runs, bundles and the local MLflow")
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
