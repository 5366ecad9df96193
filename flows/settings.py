"""What a run is started with, and what follows from it. Reads the project file and the target; runs nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from prefect import runtime
from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field

from emberflow.adapters.publisher import Publisher
from emberflow.adapters.registry import Registry
from emberflow.adapters.tracking import Tracker
from emberflow.adapters.workshop import Workshop
from emberflow.convert import Conversion
from emberflow.errors import ProjectError
from emberflow.inputs import Given, look_at, sort_out
from emberflow.log import name_run
from emberflow.project import Project, expand_recipes, read_project
from emberflow.promotion import Rules, find_rules
from emberflow.recipe import ALL
from emberflow.runs import new_run_id
from emberflow.secret import WITHOUT_PASSWORD, refuse_key, refuse_mlflow_password, refuse_store_password
from emberflow.target import Target, find_target, load_targets, read_target
from emberflow.trust import Trust
from emberflow.values import Bytes, Value
from emberflow.variant import Skipped
from tasks.compress import Plan

AS_PROJECT = "as the project says"
_SIZE = r"^([0-9]+(\.[0-9]+)?\s*(B|KiB|MiB|GiB)?)?$"


def form(**asked: Any) -> Callable[[dict[str, Any]], None]:
    """Have Prefect's form ask for this, without first asking whether for anything: what is left as it is means None."""

    def change(schema: dict[str, Any]) -> None:
        for key in ("anyOf", "default"):
            schema.pop(key, None)
        schema.update({key: value() if callable(value) else value for key, value in asked.items()})

    return change


def _choose_recipes() -> dict[str, Any]:
    return {"type": "string", "enum": [str(recipe) for recipe in ALL]}


def _choose_target() -> list[str]:
    return [AS_PROJECT, *load_targets()]


def _none_if_left(value: object) -> object:
    return None if value in ("", AS_PROJECT) else value


def _size(meaning: str, title: str | None = None) -> Any:
    return Field(default=None, title=title, description=meaning, json_schema_extra=form(type="string", pattern=_SIZE))


Left = BeforeValidator(_none_if_left)


class Limits(Value):
    """The most that the product can bear; what is left out is as the project file says."""

    flash: Annotated[Bytes | None, Left] = _size("flash for model and runtime, such as '256 KiB'")
    ram: Annotated[Bytes | None, Left] = _size("RAM for arena, variables and stack, such as '64 KiB'", "RAM")
    stack: Annotated[Bytes | None, Left] = _size("the deepest that the stack may reach, such as '512 B'")
    instructions: int | None = Field(
        default=None, gt=0, description="the most instructions of one inference", json_schema_extra=form(type="integer", exclusiveMinimum=0)
    )
    accuracy_drop: float | None = Field(
        default=None,
        ge=0,
        description="by how much the project's metric may get worse against the float baseline",
        json_schema_extra=form(type="number", minimum=0),
    )


_SILENT = ConfigDict(hide_input_in_errors=True)
"""Prefect writes the error into its log: what was refused because there is a password in it must not stand there."""


def _without_password(address: str | None) -> str | None:
    return address and refuse_mlflow_password(address)


def _store_without_password(address: str | None) -> str | None:
    return address and refuse_store_password(address)


def _file_of_key(path: str | None) -> str | None:
    return path and refuse_key(path, "signing_key")


Server = Annotated[
    str | None,
    Left,
    AfterValidator(_without_password),
    Field(
        description="address of an MLflow server; none: a SQLite store in the home folder",
        json_schema_extra=form(type="string", pattern=WITHOUT_PASSWORD),
    ),
]
StoreAddress = Annotated[
    str | None,
    Left,
    AfterValidator(_store_without_password),
    Field(
        description="where a team keeps blobs and results, such as s3://bucket/prefix; none: in the home folder alone",
        json_schema_extra=form(type="string", pattern=WITHOUT_PASSWORD),
    ),
]
SigningKey = Annotated[
    str | None,
    Left,
    AfterValidator(_file_of_key),
    Field(description="file of the key that signs what is published; none: that of the project", json_schema_extra=form(type="string")),
]


class RunConfig(Value):
    """The parameters of a run; what is left out is as the project file says."""

    model_config = _SILENT

    project: str = Field(min_length=1, description="path of the project file on the worker's machine, such as examples/watch/emberflow.yaml")
    recipes: tuple[str, ...] | str | None = Field(
        default=None,
        description="the recipes to try; none chosen: those of the project, which may name others than these",
        json_schema_extra=form(type="array", items=_choose_recipes, uniqueItems=True),
    )
    target: Annotated[str | None, Left] = Field(
        default=None, description="the device", json_schema_extra=form(type="string", enum=_choose_target, default=AS_PROJECT)
    )
    budget: Limits = Field(default_factory=Limits, description="other limits than the project's")
    home: str = Field(default=".emberflow", min_length=1, description="folder for store, runs, bundles and the local MLflow")
    store: StoreAddress = None
    mlflow: Server = None
    signing_key: SigningKey = None
    approval: Annotated[Literal["ask", "don't ask"] | None, Left] = Field(
        default=None,
        description="whether a person is asked before a version is promoted",
        json_schema_extra=form(type="string", enum=[AS_PROJECT, "ask", "don't ask"], default=AS_PROJECT),
    )
    force: bool = Field(
        default=False,
        description="carry out every stage although nothing changed; a model that comes out the same registers nothing new all the same",
    )
    approval_hours: float = Field(default=24, gt=0, le=24 * 14, description="how long that person has; then the old version stays")


@dataclass(frozen=True)
class Setting:
    """Everything a run needs to know before it starts.

    project: as its file says, but with the recipes that can be carried out; the others are `skipped`.
    given: the project's baseline, looked at.
    publisher: where the champion is published; None where the project names no place.
    approval_seconds: how long a person may think before a promotion; None when nobody is asked.
    force: whether stages are carried out although their results are in the cache; the new results take the place of those.
    """

    project: Project
    given: Given
    skipped: tuple[Skipped, ...]
    folder: Path
    target: Target
    trust: Trust
    workshop: Workshop
    tracker: Tracker
    plan: Plan
    conversion: Conversion
    rules: Rules
    publisher: Publisher | None
    approval_seconds: float | None
    force: bool
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
        "budget": project.budget.model_copy(update=config.budget.model_dump(exclude_none=True)),
    }
    asked = project.approval if config.approval is None else config.approval == "ask"
    given, trust = look_at(project, folder), Trust.of(project.trust_model_code, project.custom_objects, folder)
    recipes, skipped = sort_out(given, changes["recipes"], project.wishes)
    project = project.model_copy(update=changes | {"recipes": recipes})
    target = read_target(folder / project.target) if project.target.endswith(".toml") else find_target(project.target)
    project.wishes.check_target(target)
    run_id = new_run_id(now := datetime.now(UTC))
    workshop = Workshop.at(Path(config.home), f"{project.name}/{run_id}", config.store or "")
    workshop.store.check()
    name_run(runtime.flow_run.id, project.name, run_id)
    return Setting(
        project=project,
        given=given,
        skipped=skipped,
        folder=folder,
        target=target,
        trust=trust,
        workshop=workshop,
        tracker=find_tracker(config.mlflow, workshop),
        plan=Plan(training=project.training, fine_tuning=project.fine_tuning, task=project.task, folder=folder, wishes=project.wishes, own=trust.own),
        conversion=Conversion(
            per_channel=project.per_channel, signature=given.signature.name if given.signature else None, wishes=project.wishes, own=trust.own
        ),
        rules=find_rules(folder, Path(__file__).parents[1], project.task),
        publisher=find_publisher(project, folder, config.signing_key),
        approval_seconds=3600 * config.approval_hours if asked else None,
        force=config.force,
        run_id=run_id,
        started=now.isoformat(timespec="seconds"),
    )


def find_tracker(address: str | None, workshop: Workshop) -> Tracker:
    """The MLflow at `address`, or the one in the home folder."""
    return Tracker(address) if address else Tracker.local(workshop.home)


def find_publisher(project: Project, folder: Path, signing_key: str | None) -> Publisher | None:
    """Where `project`, whose file lies in `folder`, publishes, signed with `signing_key` or the project's own.

    Raises: ProjectError: no key, one that can't be used, or an address that can't be.
    """
    if project.publish is None:
        return None
    key = signing_key or project.signing_key
    if key is None:
        raise ProjectError(
            f"received publish: '{project.publish}' and no key to sign with; make one with `emberflow key my.key`, then name it as signing_key:,"
            " or in EMBERFLOW_SIGNING_KEY"
        )
    address = project.publish if "://" in project.publish else str((folder / project.publish).resolve())
    publisher = Publisher(address, folder / key)
    publisher.check()
    return publisher


class VersionConfig(Value):
    """Which project's versions are meant, for flows that train nothing."""

    model_config = _SILENT

    project: str = Field(min_length=1, description="path of the project file on the worker's machine, such as examples/watch/emberflow.yaml")
    home: str = Field(default=".emberflow", min_length=1, description="folder for store, runs, bundles and the local MLflow")
    mlflow: Server = None
    signing_key: SigningKey = None


def find_versions(config: VersionConfig) -> tuple[Registry, Publisher | None]:
    """The project's versions, and where its champion is published. Raises: ProjectError: the file, or what it names, is wrong."""
    path = Path(config.project)
    project = read_project(path)
    name_run(runtime.flow_run.id, project.name)
    tracker = find_tracker(config.mlflow, Workshop.at(Path(config.home)))
    return Registry(tracker, project.name), find_publisher(project, path.resolve().parent, config.signing_key)
