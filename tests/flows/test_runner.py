"""Tasks side by side: what is waited for, and what the server is asked meanwhile. A real Prefect API."""

from threading import Event

import pytest

pytestmark = [pytest.mark.xdist_group("flows"), pytest.mark.slow]


@pytest.fixture
def double():
    """A task that waits until it may double its number."""
    from prefect import task

    may_end = Event()

    @task(persist_result=False)
    def double(number):
        assert may_end.wait(60)
        if number > 9:
            raise ValueError("too much")
        return 2 * number

    return double, may_end


@pytest.fixture
def asked(monkeypatch):
    """The task runs that the server was asked for."""
    from prefect.client.orchestration import SyncPrefectClient

    asked, read = [], SyncPrefectClient.read_task_run
    monkeypatch.setattr(SyncPrefectClient, "read_task_run", lambda self, task_run_id: asked.append(task_run_id) or read(self, task_run_id))
    return asked


def run(body):
    from prefect import flow

    from flows.runner import SideBySide

    return flow(name="side by side", task_runner=SideBySide(max_workers=8), persist_result=False)(body)()


def test_a_task_is_given_what_another_will_have_made_and_the_server_is_not_asked(prefect_api, double, asked):
    """The inner ones are submitted before the first has ended; the graph in Prefect's UI knows who waits for whom."""
    task, may_end = double
    seen = []

    def body():
        futures = [task.submit(1)]
        futures += [task.submit(futures[-1]) for _ in range(2)]
        seen.extend(future.state.type.value for future in futures)
        may_end.set()
        results = [future.result() for future in futures]
        seen.extend(future.state.type.value for future in futures)
        return results

    assert [2, 4, 4] == run(body)
    assert ["PENDING"] * 3 + ["COMPLETED"] * 3 == seen
    assert [] == asked


def test_a_task_knows_whom_it_waited_for(prefect_api, double):
    """By the id of the other's run."""
    from prefect import task as as_task
    from prefect.context import TaskRunContext

    task, may_end = double
    may_end.set()
    inputs = []

    @as_task(persist_result=False)
    def after(before):
        inputs.extend(each.id for each in TaskRunContext.get().task_run.task_inputs["before"])
        return before

    def body():
        first = task.submit(1)
        return after.submit(first).result(), first.task_run_id

    _, expected = run(body)
    assert [expected] == inputs


def test_one_that_failed_says_so(prefect_api, double):
    """And its error leaves the flow."""
    task, may_end = double
    may_end.set()
    states = []

    def body():
        future = task.submit(10)
        future.wait()
        states.append(future.state.type.value)
        return future.result()

    with pytest.raises(ValueError, match="too much"):
        run(body)
    assert ["FAILED"] == states
