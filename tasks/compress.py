"""Carry out one compression step, from the model that the steps before it gave."""

from pathlib import Path

from prefect import runtime, task

from emberflow import fingerprint
from emberflow.adapters.crew import Job
from emberflow.adapters.workshop import Workshop
from emberflow.artifact import Kind
from emberflow.dataset import Splits
from emberflow.recipe import Steps, prefix_name
from emberflow.stages.compress import Treatment
from emberflow.task import TaskKind
from emberflow.training import FineTuning, Training
from emberflow.trust import OwnClasses
from emberflow.values import Value
from emberflow.wishes import NONE, Wishes
from tasks.batches import in_batches_that_fit
from tasks.caching import Inputs, StageCache
from tasks.conduct import RETRIED, stage
from tasks.products import Compressed, Trained
from tasks.train import classroom

LIMIT_SECONDS = 12 * 3600


class Plan(Value):
    """How every compression step of a project trains on, what it wants of single layers, in which folder its functions lie, and where the
    model's own classes are.
    """

    training: Training
    fine_tuning: FineTuning
    task: TaskKind = TaskKind.CLASSIFICATION
    folder: Path
    wishes: Wishes = NONE
    own: OwnClasses | None = None


def _facts(inputs: Inputs) -> str:
    """What decides the result: of the model before not how good it was; of the plan neither the baseline's epochs nor where the project lies;
    of its wishes those about the step; of the data only what trains.
    """
    before: Trained | Compressed = inputs["before"]
    plan: Plan = inputs["plan"]
    splits: Splits = inputs["splits"]
    training = plan.training
    augment = fingerprint.of_entry(training.augment, plan.folder) if training.augment else ""
    data = (splits.train, splits.validation, splits.standardization, splits.target)
    settings = (plan.fine_tuning, plan.task, training.loss, training.batch_size, training.seed, training.augment)
    wishes = plan.wishes.about(inputs["steps"][-1])
    return repr((before.model, before.notes, inputs["steps"], data, settings, augment, wishes, plan.own))


def _run_name() -> str:
    return f"compress {prefix_name(runtime.task_run.parameters['steps'])}"


@task(
    name="compress",
    task_run_name=_run_name,
    cache_policy=StageCache(stage="compress", facts=_facts),
    **RETRIED,
)
def compress(steps: Steps, before: Trained | Compressed, splits: Splits, plan: Plan, workshop: Workshop, urgency: int) -> Compressed:
    """The model after the last of `steps`, and notes on what was left alone."""
    name = prefix_name(steps)
    with stage(name) as tell, workshop.store.workplace() as place:
        out = place / "model.h5"
        room = classroom(splits, plan.training, plan.task, plan.folder, workshop)
        model = workshop.store.path(before.model)
        keywords = {
            "model": model,
            "steps": steps,
            "treatment": Treatment(fine_tuning=plan.fine_tuning, wishes=plan.wishes, own=plan.own),
            "out": out,
        }
        notes, more = in_batches_that_fit(
            room,
            lambda room: workshop.run(Job("emberflow.stages.compress:compress", keywords | {"classroom": room}, LIMIT_SECONDS, urgency), tell),
            tell,
        )
        return Compressed(model=workshop.store.put(out, Kind.KERAS), notes=(*before.notes, *notes, *more))
