"""One at a time changes the versions of a project, wherever it runs. Knows Prefect and the kernel's locks; refuses to know what is done meanwhile."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect.concurrency.sync import concurrency
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
from prefect.logging import get_logger

from emberflow.adapters import lock
from emberflow.adapters.registry import Registry
from emberflow.adapters.tracking_address import SQLITE

WAIT_SECONDS = 300.0  # who holds the slot does so for some seconds


@contextmanager
def alone(registry: Registry) -> Iterator[None]:
    """Nobody else who asks for the versions of this project is inside.

    Where they lie in a file of this machine, the kernel sees to that, and frees the place of whoever is killed. Where a server keeps them it is
    a slot of the Prefect server, which frees that of a run that was killed after a minute.
    """
    address = registry.tracker.uri
    if address.startswith(SQLITE):
        place = Path(address.removeprefix(SQLITE)).with_suffix(".versions.lock")
        place.parent.mkdir(parents=True, exist_ok=True)
        with lock.alone(place):
            yield
        return
    with _slot(f"emberflow-versions-{registry.project}"):
        yield


@contextmanager
def _slot(name: str) -> Iterator[None]:
    with ExitStack() as place:
        try:
            place.enter_context(_enter(name))
        except TimeoutError:
            get_logger("emberflow").warning(
                "'%s' was taken for %.0f s, by a run that must have been killed: its place is taken away", name, WAIT_SECONDS
            )
            _remove(name)
            place.enter_context(_enter(name))
        yield


@contextmanager
def _enter(name: str) -> Iterator[None]:
    _make(name)
    with concurrency(name, timeout_seconds=WAIT_SECONDS, lease_duration=60, strict=True):  # without the limit it would be a silent no-op
        yield


def _make(name: str) -> None:
    with get_client(sync_client=True) as client:
        try:
            client.read_global_concurrency_limit_by_name(name)
        except ObjectNotFound:
            with suppress(ObjectAlreadyExists):  # somebody was faster
                client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=name, limit=1))


def _remove(name: str) -> None:
    with get_client(sync_client=True) as client, suppress(ObjectNotFound):  # somebody was faster
        client.delete_global_concurrency_limit_by_name(name)
