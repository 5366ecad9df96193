"""One makes a result, the others wait and find it: real Prefect tasks, and a holder that is really killed."""

import pickle
import subprocess
import sys
import time
from contextvars import copy_context
from functools import partial
from threading import Thread
from types import SimpleNamespace

import pytest
from prefect.locking.protocol import LockManager

from emberflow.adapters.lock import take
from emberflow.adapters.workshop import Workshop
from emberflow.errors import DataError, EmberflowError
from tasks.caching import StageCache
from tasks.turns import TURNS, Turn, Turns

pytestmark = [pytest.mark.xdist_group("flows")]

HOLD = """
import sys
from pathlib import Path
from emberflow.adapters.lock import take
take(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.readline()
"""


def made_by(folder, body):
    """A task of a stage whose body is `body(text)`, and the key of its result."""
    from prefect import task

    policy = StageCache(stage="convert", facts=lambda inputs: f"{folder}{inputs['text']}")

    @task(name="made", cache_policy=policy, result_serializer="json")
    def make(text: str, workshop: Workshop) -> str:
        return body(text)

    def key(text):
        named = SimpleNamespace(task=SimpleNamespace(name="made"))
        return policy.compute_key(named, {"text": text, "workshop": Workshop.at(folder)}, {})

    return make, key


def flow_of(make, folder, *texts):
    """A flow that wants the results all at once; what each became."""
    from prefect import flow

    @flow
    def want():
        futures = [make.submit(text, Workshop.at(folder)) for text in texts]
        return [future.result(raise_on_failure=False) for future in futures]

    return want()


def start(work):
    """A thread in which Prefect's settings are those of the test."""
    thread = Thread(target=copy_context().run, args=(work,))
    thread.start()
    return thread


def test_a_result_that_several_want_at_once_is_made_once(prefect_api, tmp_path):
    """Three of the same and another one: two are made, and all get theirs."""
    runs = []

    def slowly(text):
        runs.append(text)
        time.sleep(0.5)
        return f"made of {text}"

    make, _ = made_by(tmp_path, slowly)

    found = flow_of(make, tmp_path, "a", "a", "b", "a")

    assert ["made of a", "made of a", "made of b", "made of a"] == found
    assert ["a", "b"] == sorted(runs)
    assert not list((prefect_api / "locks").iterdir())


def test_when_one_fails_the_next_one_tries(prefect_api, tmp_path):
    """Its lock is free again, and nobody gets its failure as a result."""
    runs = []

    def fail_first(text):
        runs.append(text)
        if len(runs) == 1:
            raise DataError("no data")
        return "made"

    make, _ = made_by(tmp_path, fail_first)

    found = flow_of(make, tmp_path, "a", "a")

    assert ["made", "no data"] == sorted(map(str, found))
    assert 2 == len(runs)


def test_a_holder_that_is_killed_lets_the_next_one_in(prefect_api, tmp_path):
    """SIGKILL in another process, in the midst of making it: who waits makes it."""
    make, key = made_by(tmp_path, lambda text: f"made of {text}")
    lock = prefect_api / "locks" / key("a")
    lock.parent.mkdir(exist_ok=True)
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "held\n"
    found = []
    waiting = start(lambda: found.extend(flow_of(make, tmp_path, "a")))
    waiting.join(5)
    assert waiting.is_alive()

    holder.kill()
    holder.wait()
    waiting.join(60)

    assert ["made of a"] == found


def test_a_run_that_is_ended_waits_no_longer(prefect_api, tmp_path):
    """Ctrl-C, while another run trains for hours."""
    make, key = made_by(tmp_path, lambda text: text)
    lock = prefect_api / "locks" / key("a")
    lock.parent.mkdir(exist_ok=True)
    held = take(lock)
    found = []
    waiting = start(lambda: found.extend(flow_of(make, tmp_path, "a")))
    waiting.join(5)

    Workshop.at(tmp_path).abandon()
    waiting.join(60)

    assert ["EmberflowError: the run was ended from outside, and its work with it; run again: what was finished is kept"] == [
        f"{type(error).__name__}: {error}" for error in found
    ]
    held.remove()


@pytest.fixture
def turns(tmp_path):
    """With one key, whose turn notes that it began."""
    made = Turns()
    began = []
    made.expect("key", Turn(tmp_path / "locks" / "key", lambda: None, partial(began.append, 1)))
    made.began = began
    return made


def test_it_is_a_lock_manager_of_prefects(turns):
    """Who has a key is known in this process and in others; the turn begins with the lock."""
    assert isinstance(TURNS, LockManager)
    other = Turns()
    other.expect("key", turns._expected["key"])

    assert turns.acquire_lock("key", "me")

    assert [1] == turns.began
    assert (True, False) == (turns.is_lock_holder("key", "me"), other.is_lock_holder("key", "me"))
    assert (True, True) == (turns.is_locked("key"), other.is_locked("key"))
    assert not other.wait_for_lock("key", timeout=0.2)
    turns.release_lock("key", "me")
    assert other.wait_for_lock("key")
    assert not turns.is_lock_holder("key", "me")


def test_a_turn_that_can_not_begin_keeps_no_lock(turns, tmp_path):
    """A store that can't be read, for instance."""

    def fail():
        raise EmberflowError("can't begin")

    turns.expect("key", Turn(tmp_path / "locks" / "key", lambda: None, fail))
    with pytest.raises(EmberflowError, match="can't begin"):
        turns.acquire_lock("key", "me")

    assert not turns.is_locked("key")


def test_a_lock_that_an_attempt_left_is_taken_over_by_the_next_one_in_its_thread(turns):
    """Else a retry would wait for itself."""
    turns.acquire_lock("key", "first attempt")

    assert turns.acquire_lock("key", "second attempt")

    assert (False, True) == (turns.is_lock_holder("key", "first attempt"), turns.is_lock_holder("key", "second attempt"))
    turns.release_lock("key", "second attempt")


def test_locks_stay_with_their_process(turns):
    """A copy, in another process, holds nothing."""
    turns.acquire_lock("key", "me")

    assert not pickle.loads(pickle.dumps(turns)).is_lock_holder("key", "me")  # noqa: S301 - made here
    turns.release_lock("key", "me")


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_tasks_that_are_coroutines_wait_the_same_way(turns, anyio_backend):
    """In a thread, so that others go on."""
    assert await turns.aacquire_lock("key", "me")
    assert not await turns.await_for_lock("key", timeout=0.2)
    turns.release_lock("key", "me")
    assert await turns.await_for_lock("key")
