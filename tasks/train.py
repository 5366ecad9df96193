"""Build and train the float baseline, or read the one that was brought along."""

from contextvars import copy_context
from pathlib import Path
from threading import Thread

from prefect import task

from emberflow import fingerprint
from emberflow.adapters.crew import Job
from emberflow.adapters.workshop import Workshop
from emberflow.artifact import Kind, digest_file, digest_folder
from emberflow.dataset import Splits
from emberflow.inputs import Given
from emberflow.project import Project
from emberflow.stages.classroom import Classroom
from emberflow.stages.train import Origin
from emberflow.task import TaskKind
from emberflow.training import Training
from emberflow.trust import NOBODY, Trust
from emberflow.wishes import NONE, Wishes
from tasks.batches import in_batches_that_fit
from tasks.caching import Inputs, StageCache
from tasks.conduct import RETRIED, stage
from tasks.products import Trained

LIMIT_SECONDS = 24 * 3600


def _facts(inputs: Inputs) -> str:
    origin: Origin = inputs["origin"]
    folder: Path = inputs["folder"]
    splits: Splits = inputs["splits"]
    augment = fingerprint.of_entry(origin.training.augment, folder) if origin.training.augment else ""
    data = (splits.train, splits.validation, splits.test, splits.standardization, splits.target)
    own = fingerprint.of_entry(origin.task.metric, folder) if origin.task.is_own_metric else ""
    return repr((origin, data, _model_digest(origin, folder), augment, own))


def _model_digest(origin: Origin, folder: Path) -> str:
    if origin.is_built:
        return fingerprint.of_entry(origin.baseline, folder)
    place = folder / origin.baseline
    return digest_folder(place) if place.is_dir() else digest_file(place) if place.is_file() else "missing"


@task(
    name="train baseline",
    task_run_name="train baseline",
    cache_policy=StageCache(stage="train", facts=_facts),
    **RETRIED,
)
def train(origin: Origin, splits: Splits, folder: Path, workshop: Workshop, wishes: Wishes = NONE) -> Trained:
    """The float baseline and its predictions over the test part; that it has the layers of `wishes` is looked at before it is trained."""
    with stage("baseline") as tell, workshop.store.workplace() as place:
        out = (place / f"baseline.{origin.kind}", place / "predictions.npy")
        test = (workshop.store.path(splits.test.x), workshop.store.path(splits.test.y))
        room = classroom(splits, origin.training, origin.task.kind, folder, workshop)
        keywords = {"origin": origin, "test": test, "out": out, "wishes": wishes}
        _warm_up(workshop)
        facts, notes = in_batches_that_fit(
            room,
            lambda room: workshop.run(Job("emberflow.stages.train:train", keywords | {"classroom": room}, LIMIT_SECONDS, urgency=1000), tell),
            tell,
        )
        model, predictions = workshop.store.put(out[0], origin.kind), workshop.store.put(out[1], Kind.ARRAY)
    return Trained(model=model, predictions=predictions, **{**dict(facts), "notes": (*facts.notes, *notes)})


def _warm_up(workshop: Workshop) -> None:
    """While one worker trains, the others import TensorFlow: they are needed as soon as it is done."""
    for _ in range(workshop.workers - 1):
        job = Job("emberflow.stages.warm:warm", {}, 300, urgency=-100)
        Thread(target=copy_context().run, args=(workshop.run, job, lambda _: None), daemon=True).start()  # what it logs is of this stage


def origin_of(project: Project, given: Given, splits: Splits, trust: Trust = NOBODY) -> Origin:
    """What of a project decides its baseline."""
    signature = given.signature.name if given.signature else None
    labels = len(splits.labels)
    return Origin(
        baseline=project.baseline,
        training=project.training,
        labels=labels,
        signature=signature,
        trust=trust,
        task=project.full_task,
        target=splits.target,
    )


def classroom(splits: Splits, training: Training, task: TaskKind, folder: Path, workshop: Workshop) -> Classroom:
    """The training and validation parts by path, with the settings that every training shares."""
    path = workshop.store.path
    return Classroom(
        x=path(splits.train.x),
        y=path(splits.train.y),
        validation_x=path(splits.validation.x),
        validation_y=path(splits.validation.y),
        standardization=splits.standardization,
        target=splits.target,
        task=task,
        loss=training.loss,
        batch_size=training.batch_size,
        seed=training.seed,
        augment=training.augment,
        folder=folder,
    )
