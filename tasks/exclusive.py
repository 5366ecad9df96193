"""One at a time, wherever it runs: a slot of Prefect's own. Knows Prefect; refuses to know what is done meanwhile."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect.concurrency.sync import concurrency
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound

WAIT_SECONDS = 600.0


@contextmanager
def alone(name: str) -> Iterator[None]:
    """Nobody else who asks the same Prefect server for `name` is inside. A slot whose holder died is free again after a minute.

    Raises: TimeoutError: it stayed taken for ten minutes.
    """
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
