"""The champion on fresh data: is it as good as it was, and are the data what they were? Retrains nothing; an automation may."""

from pathlib import Path

from prefect import flow, runtime
from pydantic import Field

from emberflow.adapters.registry import Registry
from emberflow.drift import Checkup, Thresholds
from emberflow.stages.checkup import Question
from emberflow.target import TargetKind
from emberflow.values import Value
from flows.alarm import tell_of_the_failure
from flows.settings import RunConfig, Setting, StoreAddress, form, name_of, set_up
from tasks.checkup import check_champion, tell_of_champion
from tasks.prepare import prepare


class CheckConfig(Value):
    """Whose champion is looked at, and from where on something counts as drift."""

    project: str = Field(min_length=1, description="path of the project file on the worker's machine; its data are read anew")
    thresholds: Thresholds = Field(default=Thresholds(), description="from where on something counts as drift")
    home: str = Field(default=".emberflow", min_length=1, description="folder in which the champion was made")
    store: StoreAddress = None
    mlflow: str | None = Field(
        default=None,
        title="MLflow",
        description="address of an MLflow server; none: a SQLite store in the home folder",
        json_schema_extra=form(type="string"),
    )


def _run_name() -> str:
    config = runtime.flow_run.parameters["config"]
    return f"{name_of(RunConfig(project=config.project))} {runtime.flow_run.scheduled_start_time:%Y-%m-%d %H:%M:%S}"


@flow(name="evaluate-champion", flow_run_name=_run_name, persist_result=False, on_failure=[tell_of_the_failure])
def evaluate_champion(config: CheckConfig) -> Checkup:
    """Ask the registered champion the test part of today's data; the event says whether something moved."""
    setting = set_up(RunConfig(project=config.project, home=config.home, store=config.store, mlflow=config.mlflow))
    with setting.workshop.store.using(then_forget=True):
        return _evaluate(config, setting)


def _evaluate(config: CheckConfig, setting: Setting) -> Checkup:
    splits = prepare(setting.project, setting.folder, setting.workshop)
    question = Question(
        project=setting.project.name,
        version=0,
        task=setting.project.full_task,
        folder=setting.folder,
        is_microcontroller=setting.target.kind is TargetKind.MICROCONTROLLER,
        thresholds=config.thresholds,
    )
    checkup = check_champion(Registry(setting.tracker, setting.project.name), splits, question, setting.workshop)
    tell_of_champion(checkup, Path(config.project).resolve())
    return checkup
