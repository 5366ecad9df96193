"""Publish the champion, and go back to the one before it. Never cached: the registry and the index know what is so."""

from pathlib import Path
from tempfile import TemporaryDirectory

from prefect import task
from prefect.logging import get_run_logger

from emberflow.adapters.publisher import Publisher
from emberflow.adapters.registry import Registry
from emberflow.adapters.registry_files import fetch_bundle
from emberflow.errors import RegistryError
from emberflow.version import Alias
from tasks.conduct import RETRIED
from tasks.exclusive import alone


@task(name="publish", task_run_name="publish", persist_result=False, **RETRIED)
def publish_champion(registry: Registry, publisher: Publisher) -> None:
    """The champion's own bundle, verified, to where consumers look; nothing is written when it is there already."""
    with alone(registry), TemporaryDirectory(prefix="emberflow-") as folder:
        champion, index = registry.holder(Alias.CHAMPION), publisher.read()
        if champion is None or (index and index.serves(champion.number, champion.origin.model)):
            return
        bundle, _ = fetch_bundle(registry, champion, Path(folder))
        publisher.publish(bundle, champion.number)
        get_run_logger().info("published version %s at %s", champion.number, publisher.address)


@task(name="roll back", task_run_name="roll back", persist_result=False, **RETRIED)
def restore_previous(registry: Registry) -> str:
    """Make the version before the champion the champion again, once its bundle has proved to be whole. What was done, in words.

    Raises: RegistryError: there is none, or its bundle is gone or altered; then nothing has changed.
    """
    with alone(registry), TemporaryDirectory(prefix="emberflow-") as folder:
        names = registry.settle()
        if names.champion is None or names.previous is None:
            serving = f"version {names.champion} is the only one that ever served" if names.champion else "no version serves yet"
            raise RegistryError(f"'{registry.project}' has nothing to roll back to: {serving}; promote another one by hand")
        fetch_bundle(registry, registry.version(names.previous), Path(folder))
        registry.promote(names.previous, names.champion)
    return f"rolled back to version {names.previous}: version {names.champion} is the previous one now"
