"""Tasks side by side, each in a thread of this process. Knows Prefect's task runner; no task."""

from typing import Any

from prefect.client.schemas.objects import State
from prefect.futures import PrefectConcurrentFuture
from prefect.states import Pending
from prefect.task_runners import ThreadPoolTaskRunner


class Future(PrefectConcurrentFuture[Any]):
    """What a task will have made; it knows by itself how the task stands."""

    @property
    def state(self) -> "State[Any]":
        """The final state, or that it is still to come.

        Prefect's own asks the server, and is asked for each task that is submitted with a future that it waits for: 56 calls in a run of 14 recipes.
        """
        has_ended = self.wrapped_future.done() and not self.wrapped_future.exception()
        return self.wrapped_future.result() if has_ended else Pending()


class SideBySide(ThreadPoolTaskRunner[Any]):
    """Prefect's threads, whose futures ask nobody."""

    def submit(self, *arguments: Any, **keywords: Any) -> Future:
        """As Prefect's."""
        made: PrefectConcurrentFuture[Any] = super().submit(*arguments, **keywords)
        return Future(made.task_run_id, made.wrapped_future)
