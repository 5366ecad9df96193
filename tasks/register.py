"""Register a run's champion, and fetch the one that serves. Never cached: the registry knows what is there already."""

from prefect import runtime, task

from emberflow.adapters.registry import Registry
from emberflow.adapters.registry_files import fetch_model, fetch_record
from emberflow.adapters.tracking_address import RunIds
from emberflow.adapters.tracking_figures import context_of, of_variant
from emberflow.adapters.workshop import Workshop
from emberflow.artifact import Kind
from emberflow.errors import RegistryError
from emberflow.record import Record
from emberflow.version import Entry, Version
from tasks.conduct import WAITING
from tasks.exclusive import alone
from tasks.products import Recalled, Registered, Served


@task(name="register", task_run_name="register", persist_result=False, **WAITING)
def register(registry: Registry, record: Record, recipe: str, ids: RunIds) -> Registered:
    """The champion of `record` as a version, and who serves now. A version that is the same and decided of already is none that is new."""
    variant = record.variant(recipe)
    context = context_of(record)
    entry = Entry(
        recipe=recipe,
        origin=record.origin(recipe),
        flow_run=str(runtime.flow_run.id),
        experiment_id=ids.experiment_id,
        mlflow_run=ids.run_id,
    )
    with alone(registry):
        names, found = registry.settle(), registry.find(entry.origin)
        if found and (found.number == names.champion or found.standing.is_final):
            return Registered(version=found, names=names, is_new=False)
        version = registry.register(entry, registry.tracker.find_model(ids, recipe), of_variant(variant, context).metrics)
    return Registered(version=version, names=names, is_new=True)


@task(name="recall", task_run_name="recall version {number}", persist_result=False, **WAITING)
def recall(registry: Registry, number: int) -> Recalled:
    """A version with its figures. Raises: RegistryError: there is none, it serves already, or the record of its run is gone."""
    version, names = registry.version(number), registry.settle()
    if number == names.champion:
        raise RegistryError(f"received version {number} of '{registry.project}', which is the champion already; expected another one")
    record = fetch_record(registry, version)
    return Recalled(version=version, variant=record.variant(version.recipe), target=record.target, champion=names.champion)


@task(name="fetch from registry", task_run_name="fetch version {version.number}", persist_result=False, **WAITING)
def fetch(registry: Registry, version: Version, workshop: Workshop) -> Served:
    """A version's own bytes, checked, in the store."""
    with workshop.store.workplace() as place:
        fetched = fetch_model(registry, version, place)
        model = workshop.store.put(fetched.model, Kind.TFLITE)
    return Served(model=model, **fetched.model_dump(exclude={"model"}))
