"""Real processes: results and reports come back, a crash or a hang costs a worker and not the caller, and nothing is left over."""

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait
from itertools import accumulate
from pathlib import Path

import psutil
import pytest

from emberflow import errors
from emberflow.adapters.cores import Cores
from emberflow.adapters.crew import AT_WORK, Crew, Job, abandon, crew_of
from emberflow.errors import EmberflowError, OutOfMemory, StageTimeout, WorkerLost

PATIENCE_SECONDS = 60  # for what takes a fraction of a second on a machine that has nothing else to do
HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def _jobs_can_be_imported(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(HERE))


def cores(folder, number=2):
    """Cores that no other test takes."""
    return Cores(folder / "cores", tuple(range(number)))


@pytest.fixture
def crew(tmp_path):
    crew = Crew(1, threads=3, logs=tmp_path, cores=cores(tmp_path))
    yield crew
    crew.close()


@pytest.fixture
def pair(tmp_path):
    crew = Crew(2, threads=1, logs=tmp_path, cores=cores(tmp_path))
    yield crew
    crew.close()


def job(name, *, limit_seconds=PATIENCE_SECONDS, urgency=0, **keywords):
    return Job(f"crew_jobs:{name}", keywords, limit_seconds, urgency)


def run(crew, name, **keywords):
    return crew.run(job(name, **keywords), lambda _: None)


def wait_until(is_so):
    end = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def is_gone(pid):
    """A zombie has ended too: not every container's first process collects them."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_the_result_comes_back_and_what_was_told_on_the_way(crew):
    """In the order in which it was told; first, that a worker has taken it up."""
    told = []

    assert crew.run(job("double", number=21), told.append) == 42
    assert told == [AT_WORK, "doubling 21", "done"]


def test_a_worker_is_kept_warm(crew):
    """The same process does one job after the other, for TensorFlow takes 10 s to import."""
    assert run(crew, "name_process") == run(crew, "name_process") != os.getpid()


def test_threads_are_counted_and_native_code_is_kept_quiet(crew):
    """The crew was made with three threads a worker."""
    expected = {
        "TF_NUM_INTRAOP_THREADS": "3",
        "TF_NUM_INTEROP_THREADS": "3",
        "OMP_NUM_THREADS": "3",
        "OPENBLAS_NUM_THREADS": "3",
        "TF_USE_LEGACY_KERAS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "CUDA_VISIBLE_DEVICES": "-1",
    }

    assert run(crew, "look_around", names=list(expected)) == expected


def test_tensors_are_not_mapped_anew_in_each_step(crew):
    """Of 1,024 pages each, of which a training step needs several: fewer faults than one of them takes (3,555 where all are mapped)."""
    assert run(crew, "count_page_faults", steps=10) < 1024


@pytest.mark.parametrize("name", ["DataError", "ModelError", "UnsupportedLayer", "ProjectError", "TrackingError"])
def test_an_error_of_ours_comes_back_as_itself_and_the_worker_stays(crew, name):
    """Its class decides whether the stage is tried again, its message is for the user."""
    pid = run(crew, "name_process")

    with pytest.raises(EmberflowError) as caught:
        run(crew, "refuse", error=name)

    assert type(caught.value) is getattr(errors, name)
    assert str(caught.value) == "received 3 labels; expected 2"
    assert run(crew, "name_process") == pid


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("stumble", "KeyError: 'no such label'"),
        ("quit_early", "SystemExit: no data"),
        ("misspelt", "AttributeError: module 'crew_jobs' has no attribute 'misspelt'"),
    ],
)
def test_an_error_that_nobody_foresaw_is_told_by_type_and_log_and_the_worker_stays(crew, tmp_path, name, told):
    """Not by trace, which is in the log."""
    pid = run(crew, "name_process")

    with pytest.raises(EmberflowError) as caught:
        run(crew, name)

    assert type(caught.value) is EmberflowError
    assert str(caught.value) == f"{told}; the trace is in {tmp_path / 'worker-1.log'}"
    assert run(crew, "name_process") == pid


def test_the_trace_of_such_an_error_is_in_the_log(crew, tmp_path):
    """From the line that raised it."""
    with pytest.raises(EmberflowError):
        run(crew, "stumble")

    log = (tmp_path / "worker-1.log").read_text(encoding="utf-8")
    assert "Traceback" in log
    assert 'raise KeyError("no such label")' in log


def test_a_job_that_hangs_is_ended_at_its_limit_with_all_that_it_started(crew, tmp_path):
    """Also where native code would not listen to a polite signal; the next job gets a fresh worker."""
    told = []

    with pytest.raises(StageTimeout) as caught:
        crew.run(job("hang", limit_seconds=2), told.append)

    assert str(caught.value) == f"crew_jobs:hang was ended after its limit of 2.0 s; its log is {tmp_path / 'worker-1.log'}"
    worker, child = map(int, told[-1].split())
    wait_until(lambda: is_gone(worker) and is_gone(child))
    assert run(crew, "name_process") != worker


@pytest.mark.parametrize(
    ("name", "keywords", "death"),
    [
        ("send_itself", {"number": signal.SIGSEGV}, "signal SIGSEGV"),
        ("leave", {"code": 3}, "exit code 3"),
    ],
)
def test_a_job_that_takes_its_process_with_it_is_told_by_how_it_died(crew, tmp_path, name, keywords, death):
    """The caller lives on, and the next job gets a fresh worker."""
    pid = run(crew, "name_process")

    with pytest.raises(WorkerLost) as caught:
        run(crew, name, **keywords)

    assert str(caught.value) == f"the worker process ended in crew_jobs:{name} ({death}); its log is {tmp_path / 'worker-1.log'}"
    assert run(crew, "name_process") != pid


@pytest.mark.parametrize(
    ("name", "keywords", "words"),
    [
        ("send_itself", {"number": signal.SIGKILL}, "the worker process ended in crew_jobs:send_itself (signal SIGKILL, which the system sends when"),
        ("run_out_of_memory", {}, "crew_jobs:run_out_of_memory needs more memory than there is"),
        ("exhaust_tensorflow", {}, "crew_jobs:exhaust_tensorflow needs more memory than there is: failed to allocate memory"),
        ("fill_the_memory", {}, "crew_jobs:fill_the_memory needs more memory than there is"),
    ],
)
def test_memory_that_runs_out_is_told_from_other_ends(crew, name, keywords, words):
    """By whoever met it: the kernel, Python, TensorFlow; the next job gets a fresh worker, with all its memory."""
    pid = run(crew, "name_process")

    with pytest.raises(OutOfMemory) as caught:
        run(crew, name, **keywords)

    assert str(caught.value).startswith(words)
    assert run(crew, "name_process") != pid


def test_a_worker_that_crashed_leaves_no_child_behind(crew):
    """The children of a process live on without it; its session is ended with it."""
    told = []

    with pytest.raises(WorkerLost, match="SIGSEGV"):
        crew.run(job("leave_child_and_crash"), told.append)

    wait_until(lambda: is_gone(int(told[-1])))


def test_a_worker_that_died_while_it_waited_for_work_is_told_and_replaced(crew):
    """Such as one that the kernel chose when memory was out; a task tries again, and gets a fresh one."""
    pid = run(crew, "name_process")
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: is_gone(pid))

    with pytest.raises(WorkerLost, match=r"the worker process ended in crew_jobs:double \(signal SIGKILL, which the system sends"):
        run(crew, "double", number=1)

    assert run(crew, "double", number=1) == 2


def test_a_worker_whose_caller_was_interrupted_is_ended(crew):
    """Whoever pressed Ctrl-C does not want the training to go on."""
    told = []

    def interrupt(text):
        told.append(text)
        if text != AT_WORK:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        crew.run(job("hang"), interrupt)

    worker, child = map(int, told[-1].split())
    wait_until(lambda: is_gone(worker) and is_gone(child))
    assert run(crew, "double", number=1) == 2


def test_a_process_that_does_not_start_is_told_and_its_place_is_free_again(crew, tmp_path, monkeypatch):
    """Here the interpreter is a program that only fails."""
    with monkeypatch.context() as broken:
        broken.setattr(sys, "executable", "/bin/false")
        with pytest.raises(WorkerLost) as caught:
            run(crew, "double", number=1)

    assert str(caught.value) == f"a worker process did not start; its log is {tmp_path / 'worker-1.log'}"
    assert run(crew, "double", number=1) == 2


def test_of_the_jobs_that_wait_the_most_urgent_goes_first(crew, tmp_path):
    """Its one worker is busy while three more come; two of the same urgency go in the order in which they came."""
    go, notes = tmp_path / "go", tmp_path / "notes"
    begun = threading.Event()
    with ThreadPoolExecutor() as callers:
        first = callers.submit(crew.run, job("wait_for", file=str(go)), lambda _: begun.set())
        assert begun.wait(PATIENCE_SECONDS)
        others = []
        for word, urgency in (("low", 0), ("high", 5), ("high too", 5), ("middle", 2)):
            others.append(callers.submit(run, crew, "note", word=word, file=str(notes), urgency=urgency))
            wait_until(lambda: len(crew._queue) == len(others))
        go.touch()
        for caller in (first, *others):
            caller.result(PATIENCE_SECONDS)

    assert notes.read_text(encoding="utf-8").splitlines() == ["high", "high too", "middle", "low"]


def test_two_workers_work_side_by_side(pair, tmp_path):
    """Each of these jobs ends only once the other has begun."""
    left, right = str(tmp_path / "left"), str(tmp_path / "right")
    with ThreadPoolExecutor() as callers:
        both = [callers.submit(run, pair, "meet", mine=mine, others=others) for mine, others in ((left, right), (right, left))]

        assert [caller.result(PATIENCE_SECONDS) for caller in both] == [None, None]


def test_there_are_never_more_workers_than_the_crew_is_large(pair, tmp_path):
    """Twelve jobs are called for at once: never three at work, never a third log."""
    notes = tmp_path / "notes"
    with ThreadPoolExecutor(12) as callers:
        list(callers.map(lambda _: run(pair, "work", file=str(notes)), range(12)))

    words = notes.read_text(encoding="utf-8").split()
    assert words.count("+") == words.count("-") == 12
    assert max(accumulate({"+": 1, "-": -1}[word] for word in words)) <= 2
    assert len(list(tmp_path.glob("worker-*.log"))) <= 2


CREW = """
import sys
from pathlib import Path
from emberflow.adapters.cores import Cores
from emberflow.adapters.crew import Crew, Job
folder = Path(sys.argv[1])
crew = Crew(2, 1, folder / sys.argv[2], Cores(folder / "cores", (0, 1)))
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(4) as pool:
    for _ in pool.map(lambda _: crew.run(Job("crew_jobs:work", {"file": folder / "notes"}, 60), lambda text: None), range(8)):
        pass
print(crew._started)
crew.close()
"""


@pytest.mark.slow
def test_crews_of_several_processes_share_the_cores(tmp_path):
    """Three runs of two workers each on two cores: never more than two at work, all jobs are done, nobody is left out."""
    runs = [subprocess.Popen([sys.executable, "-c", CREW, str(tmp_path), name], stdout=subprocess.PIPE, text=True) for name in "abc"]
    for each in runs:
        assert each.communicate(timeout=PATIENCE_SECONDS)[0] in ("1\n", "2\n")

    balance = list(accumulate(1 if sign == "+" else -1 for sign in (tmp_path / "notes").read_text().split()))
    assert 2 * 3 * 8 == len(balance)
    assert set(balance) <= {0, 1, 2}


def test_a_run_that_has_the_core_lets_another_one_in_between(tmp_path):
    """One core, and a run with forty jobs: another run's only job doesn't wait for all of them."""
    many, one = (Crew(2, threads=1, logs=tmp_path / name, cores=cores(tmp_path, 1)) for name in ("many", "one"))
    try:
        with ThreadPoolExecutor(41) as pool:
            jobs = [pool.submit(run, many, "work", file=tmp_path / "notes") for _ in range(40)]
            wait_until((tmp_path / "notes").exists)
            before = (tmp_path / "notes").read_text().count("+")
            pool.submit(run, one, "double", number=1).result()
            between = (tmp_path / "notes").read_text().count("+") - before
            assert between <= 20  # each time one of two looks first: once in a million times it is the other one for so long
            wait(jobs)
        assert 80 == len((tmp_path / "notes").read_text().split())
    finally:
        many.close()
        one.close()


def test_who_waits_for_a_core_is_told_when_the_run_ends(tmp_path):
    """Ctrl-C, while another run has the only core."""
    crew = Crew(1, threads=1, logs=tmp_path, cores=cores(tmp_path, 1))
    held = cores(tmp_path, 1).take()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(run, crew, "double", number=1)
        wait_until(cores(tmp_path, 1).are_wanted)
        crew.abandon()
        with pytest.raises(EmberflowError, match="the run was ended from outside"):
            waiting.result()
    with pytest.raises(EmberflowError, match="the run was ended from outside"):
        crew.check()
    held.give_back()


def test_a_crew_that_is_closed_has_no_process_left_and_can_still_be_used(crew):
    """It starts anew."""
    pid = run(crew, "name_process")

    crew.close()

    wait_until(lambda: is_gone(pid))
    assert run(crew, "name_process") != pid


def test_temporary_files_go_with_the_process_that_left_them(crew):
    """However it ends: TensorFlow leaves some where a process is killed, as a warm worker is at the end of each run."""
    at_the_end = Path(run(crew, "leave_a_file"))
    assert at_the_end.is_file()
    crew.close()
    assert not at_the_end.parent.exists()

    before_a_crash = Path(run(crew, "leave_a_file"))
    assert before_a_crash.is_file()
    with pytest.raises(WorkerLost):
        run(crew, "send_itself", number=signal.SIGSEGV)
    assert not before_a_crash.parent.exists()


def test_a_process_has_one_crew_of_each_shape(tmp_path):
    """Tasks in several threads ask for it, and must share its workers."""
    crew = crew_of(1, 1, tmp_path)

    assert crew_of(1, 1, tmp_path) is crew
    assert crew_of(2, 1, tmp_path) is not crew
    assert crew_of(1, 2, tmp_path) is not crew
    assert crew_of(1, 1, tmp_path / "elsewhere") is not crew


def test_a_new_crew_ends_the_idle_workers_of_all_but_the_one_before(tmp_path, monkeypatch):
    """So a process that carries out runs in many home folders holds the workers of two; the others start anew when asked again."""
    monkeypatch.setattr(Cores, "of_machine", lambda: cores(tmp_path))
    one, other = (crew_of(1, 1, tmp_path / name) for name in ("one", "other"))
    first, second = run(one, "name_process"), run(other, "name_process")
    assert crew_of(1, 1, tmp_path / "one") is one  # so it is the one before

    third = crew_of(1, 1, tmp_path / "third")

    wait_until(lambda: is_gone(second))
    assert run(one, "name_process") == first
    assert run(other, "name_process") != second
    for crew in (one, other, third):
        crew.close()


PARENT = """
import sys
from pathlib import Path
from emberflow.adapters.cores import Cores
from emberflow.adapters.crew import AT_WORK, Crew, Job
crew = Crew(1, 1, Path(sys.argv[1]), Cores(Path(sys.argv[1]), (0,)))
print(crew.run(Job("crew_jobs:leave_a_file", {}, 60), lambda _: None), flush=True)
print(crew.run(Job("crew_jobs:name_process", {}, 60), lambda _: None), flush=True)
if sys.argv[2] == "busy":
    crew.run(Job("crew_jobs:hang", {}, 60), lambda text: text == AT_WORK or print(text, flush=True))
sys.stdin.read()
"""


@pytest.mark.parametrize("state", ["idle", "busy"])
def test_a_worker_goes_when_its_parent_is_killed(tmp_path, state):
    """A parent that gets SIGKILL can't clean up: the worker sees it go, in the midst of a job too, and takes its children and temporary files along."""
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path), state], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with parent:
        file = Path(parent.stdout.readline().strip())
        left = [int(parent.stdout.readline())]
        if state == "busy":
            left += map(int, parent.stdout.readline().split())
        assert not any(map(is_gone, left))
        assert file.is_file()

        parent.kill()

    wait_until(lambda: all(map(is_gone, left)))
    assert not file.parent.exists()


def test_an_abandoned_crew_ends_its_jobs_and_those_that_wait(pair):
    """In the middle of their work, with what they started; in words after which no task tries again."""
    told, errors_seen = [], []

    def hang():
        with pytest.raises(EmberflowError) as caught:
            pair.run(job("hang"), told.append)
        errors_seen.append(caught.value)

    threads = [threading.Thread(target=hang) for _ in range(3)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(told) == 4)  # two have a worker and have told their process ids, the third waits

    pair.abandon()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)

    assert [type(error) for error in errors_seen] == [EmberflowError] * 3
    assert {str(error) for error in errors_seen} == {"the run was ended from outside, and its work with it; run again: what was finished is kept"}
    pids = [int(pid) for line in told if line != AT_WORK for pid in line.split()]
    assert len(pids) == 4
    wait_until(lambda: all(is_gone(pid) for pid in pids))


def test_after_a_crew_was_abandoned_there_is_a_new_one(tmp_path):
    """The process may go on, as tests do."""
    old = crew_of(1, 1, tmp_path)
    abandon(1, 1, tmp_path)

    new = crew_of(1, 1, tmp_path)
    assert new is not old
    assert run(new, "double", number=2) == 4
    with pytest.raises(EmberflowError, match="the run was ended from outside"):
        run(old, "double", number=2)
    new.close()


def test_to_abandon_what_never_began_is_no_mistake(tmp_path):
    """A run may be ended before its first job."""
    abandon(1, 1, tmp_path)

    assert list(tmp_path.iterdir()) == []
