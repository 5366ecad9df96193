"""What goes and what stays: by runs, by time, by what serves, beside a run that goes on and after one that was killed."""

import json
import os
import subprocess
import sys
import time
from contextlib import ExitStack

import pytest

from emberflow.adapters.lock import take
from emberflow.adapters.store import Store
from emberflow.adapters.sweep import Keep, projects, sweep
from emberflow.artifact import Kind


@pytest.fixture
def home(tmp_path):
    """A home folder; its store is that of who only looks."""
    return tmp_path / "home"


def store_of(home, run=""):
    return Store(home / "store", run)


def put(store, content):
    with store.workplace() as folder:
        (folder / "out").write_bytes(content)
        return store.put(folder / "out", Kind.ARRAY)


def run(home, name, *contents, project="watch"):
    """A run that puts blobs, and is over."""
    store = store_of(home, f"{project}/{name}")
    with store.using():
        return [put(store, content) for content in contents]


def contents(home):
    return sorted(blob.read_bytes() for blob in store_of(home).blobs())


def keep_result(home, name, *artifacts):
    """A result as Prefect writes it."""
    (home / "results").mkdir(exist_ok=True)
    result = json.dumps([artifact.model_dump(mode="json") for artifact in artifacts])
    (home / "results" / name).write_text(json.dumps({"metadata": {}, "result": result}))


def test_what_only_older_runs_used_goes_and_all_is_said(home):
    """Three runs of which the last two are kept: the first one's own blob goes, what it shares stays, and its cached result with it."""
    old, shared = run(home, "1", b"old", b"shared")
    run(home, "2", b"shared", b"middle")
    run(home, "3", b"new")
    keep_result(home, "convert-1", old, shared)
    keep_result(home, "convert-2", shared)
    keep_result(home, "evaluate-1")

    freed = sweep(home, store_of(home), Keep(newest=2))

    assert [b"middle", b"new", b"shared"] == contents(home)
    assert ["convert-2", "evaluate-1"] == sorted(file.name for file in (home / "results").iterdir())
    assert (("1",), 1, 3, 1, 2) == (freed.runs, freed.blobs.number, freed.blobs.size_bytes, freed.results, freed.kept_runs)
    assert (3, len("middlenewshared")) == (freed.kept.number, freed.kept.size_bytes)
    assert 0 == sweep(home, store_of(home), Keep(newest=2)).blobs.number


def test_a_dry_run_says_the_same_and_removes_nothing(home):
    """Whoever asks first gets the figures that will come true."""
    (old,) = run(home, "1", b"old")
    run(home, "2", b"new")
    keep_result(home, "convert-1", old)

    said = sweep(home, store_of(home), Keep(newest=1), dry_run=True)

    assert [b"new", b"old"] == contents(home)
    assert (home / "results" / "convert-1").exists()
    assert said == sweep(home, store_of(home), Keep(newest=1))


def test_runs_are_counted_by_project(home):
    """One that is retrained every hour doesn't drive out one that is retrained every month."""
    run(home, "1", b"monthly", project="pump")
    for name in "234":
        run(home, name, name.encode())

    sweep(home, store_of(home), Keep(newest=1))

    assert [b"4", b"monthly"] == contents(home)
    assert ["pump", "watch"] == projects(store_of(home))


def test_runs_that_failed_at_once_do_not_count(home):
    """Five nights without data: the last good run is kept."""
    run(home, "1", b"good")
    for name in "23456":
        run(home, name)

    sweep(home, store_of(home), Keep(newest=1))

    assert [b"good"] == contents(home)


def test_who_only_looked_does_not_count(home):
    """A check of the champion is no run whose blobs are wanted later."""
    run(home, "1", b"good")
    store = store_of(home, "watch/2")
    with store.using(then_forget=True):
        put(store, b"today's data")

    sweep(home, store_of(home), Keep(newest=1))

    assert [b"good"] == contents(home)


def test_what_is_younger_or_serves_stays(home):
    """`--older-than` in days, by when a run last used a blob; and the runs that made what has a name in the registry."""
    for name in ("1-serves", "2-old", "3-young", "4-last"):
        run(home, name, name.encode())
    for name, days in (("1-serves", 40), ("2-old", 31), ("3-young", 29)):
        then = time.time() - days * 86400
        os.utime(home / "store" / "ledgers" / "watch" / name, (then, then))

    sweep(home, store_of(home), Keep(newest=1, younger_than_days=30, serving=frozenset({"1-serves"})))

    assert [b"1-serves", b"3-young", b"4-last"] == contents(home)


def test_a_run_that_goes_on_keeps_what_it_uses(home):
    """What it made, and what it found there: made by runs that are over."""
    (found,) = run(home, "1", b"found")
    run(home, "2", b"only old")
    store = store_of(home, "watch/0-older-than-all")
    with store.using(), ExitStack() as work:
        store.path(found)
        put(store, b"made")
        place = work.enter_context(store.workplace())

        freed = sweep(home, store_of(home), Keep(newest=0))

        assert [b"found", b"made"] == contents(home)
        assert place.is_dir()
        assert (1, 0) == (freed.kept_runs, freed.unfinished)
    sweep(home, store_of(home), Keep(newest=0))
    assert [] == contents(home)


RUN = """
import sys
from pathlib import Path
from emberflow.adapters.store import Store
from emberflow.artifact import Kind
store = Store(Path(sys.argv[1]), "watch/9")
with store.using(), store.workplace() as other, store.workplace() as place:
    (other / "half").write_bytes(b"half")
    (place / "out").write_bytes(b"made")
    store.put(place / "out", Kind.ARRAY)
    print("made", flush=True)
    sys.stdin.readline()
"""


def test_a_killed_run_is_kept_from_nothing_and_its_unfinished_files_go(home):
    """While its process lives nothing of it goes; after SIGKILL it is a run like any other."""
    process = subprocess.Popen([sys.executable, "-c", RUN, str(home / "store")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "made\n"
    assert 0 == sweep(home, store_of(home), Keep(newest=0)).blobs.number
    assert 2 == len(list((home / "store" / "unfinished").iterdir()))

    process.kill()
    process.wait()

    freed = sweep(home, store_of(home), Keep(newest=0))
    assert (("9",), 1, 2) == (freed.runs, freed.blobs.number, freed.unfinished)
    assert [] == list((home / "store" / "unfinished").iterdir())
    assert [] == contents(home)


def test_lock_files_of_killed_runs_go_and_those_that_are_held_stay(home):
    """Nobody has to: a lock is the kernel's, its file is only a name."""
    run(home, "1", b"x")
    locks = home / "results" / "locks"
    locks.mkdir(parents=True)
    (locks / "left").touch()
    held = take(locks / "held")

    sweep(home, store_of(home), Keep())

    assert ["held"] == [path.name for path in locks.iterdir()]
    held.remove()


SWEEP_ON = """
import sys
from pathlib import Path
from emberflow.adapters.store import Store
from emberflow.adapters.sweep import Keep, sweep
home = Path(sys.argv[1])
print("ready", flush=True)
while not (home / "enough").exists():
    sweep(home, Store(home / "store"), Keep(newest=0))
"""


def test_beside_a_sweep_that_never_rests_no_blob_is_lost_that_was_found(home):
    """Thirty times a run finds an old blob, or makes it anew: each time its bytes are there afterwards, and are still at its end."""
    store, found, artifact = store_of(home, "watch/2"), 0, run(home, "1", b"0")[0]
    sweeper = subprocess.Popen([sys.executable, "-c", SWEEP_ON, str(home)], stdout=subprocess.PIPE, text=True)
    assert sweeper.stdout.readline() == "ready\n"
    try:
        with store.using():
            for number in range(30):
                (artifact,) = run(home, f"1-{number}", b"%d" % number)
                if store.has(artifact):
                    found += 1
                else:
                    put(store, b"%d" % number)
                assert store.proven(artifact).read_bytes() == b"%d" % number
            assert [b"%d" % number for number in range(30)] == sorted(contents(home), key=int)
    finally:
        (home / "enough").touch()
        assert sweeper.wait(60) == 0
    assert 0 < found


def test_altered_blobs_stay_for_a_look_and_are_told(home):
    """They were set aside on purpose."""
    (artifact,) = run(home, "1", b"weights")
    store_of(home).path(artifact).write_bytes(b"weighty")
    assert not store_of(home).has(artifact)

    freed = sweep(home, store_of(home), Keep(newest=0))

    assert (1, 7) == (freed.altered.number, freed.altered.size_bytes)
    assert [b"weighty"] == [file.read_bytes() for file in (home / "store" / "altered").iterdir()]


def test_runs_from_before_there_were_ledgers_are_known_by_their_records(home):
    """Their blobs are those that the record names."""
    recorded, other = put(store_of(home), b"recorded"), put(store_of(home), b"other")
    for name, artifact in (("1", other), ("2", recorded)):
        folder = home / "runs" / "watch" / name
        folder.mkdir(parents=True)
        (folder / "record.json").write_text(json.dumps({"variants": [{"model": artifact.model_dump(mode="json")}]}))

    sweep(home, store_of(home), Keep(newest=1))

    assert [b"recorded"] == contents(home)
