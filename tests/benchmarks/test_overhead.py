"""The benchmark of what orchestration costs: its table, what it reads of a run, and small tasks on a real Prefect API."""

import sqlite3

import pytest
import yaml

from emberflow.adapters.workshop import Workshop


@pytest.fixture(scope="module")
def overhead(benchmark):
    return benchmark("overhead")


@pytest.fixture
def noted(tmp_path):
    """What Prefect notes of two runs, of the newer one 1.5 s for MLflow and 2 + 0.25 s for the gate."""
    path = tmp_path / "prefect.db"
    with sqlite3.connect(path) as base:
        base.execute("CREATE TABLE flow_run (id, start_time)")
        base.execute("CREATE TABLE task_run (name, start_time, end_time, flow_run_id)")
        base.executemany("INSERT INTO flow_run VALUES (?, ?)", [("new", "2026-11-30 11:00:00.000000"), ("old", "2026-11-30 10:00:00.000000")])
        base.executemany(
            "INSERT INTO task_run VALUES (?, ?, ?, ?)",
            [
                ("log variants to MLflow", "2026-11-30 10:00:00.000000", "2026-11-30 10:00:09.000000", "old"),
                ("log variants to MLflow", "2026-11-30 11:00:00.250000", "2026-11-30 11:00:01.750000", "new"),
                ("register", "2026-11-30 11:00:02.000000", "2026-11-30 11:00:04.000000", "new"),
                ("promoted version 2", "2026-11-30 11:00:59.875000", "2026-11-30 11:01:00.125000", "new"),
                ("write report", "2026-11-30 11:00:05.000000", "2026-11-30 11:00:06.000000", "new"),
            ],
        )
    return path


def test_what_the_newest_run_took_is_read(overhead, noted):
    """Versions have numbers, so a name is told by its beginning."""
    assert 1.5 == overhead.seconds_of(noted, overhead.LOGGING)
    assert 2.25 == overhead.seconds_of(noted, overhead.GATE)


def test_a_run_without_such_a_task_is_no_measurement(overhead, noted):
    """A task that was given another name would cost nothing."""
    with pytest.raises(SystemExit, match=r"no task is called compare or fetch ; expected one at least"):
        overhead.seconds_of(noted, ("compare", "fetch "))


def test_the_table_says_what_is_kept(overhead):
    """Up to the limit."""
    rendered = overhead.render((overhead.Promise("a task", 0.1, 0.1, " s"), overhead.Promise("a night", 61.25, 60, " s")))

    assert rendered.splitlines() == [
        "| promise | measured | at most | |",
        "|---|---|---|---|",
        "| a task | 0.10 s | 0.1 s | kept |",
        "| a night | 61.25 s | 60 s | missed |",
    ]


def test_a_second_training_differs_by_its_seed_alone(overhead, tmp_path):
    """The example's functions are copied with it."""
    settings = yaml.safe_load(overhead.PROJECT.read_text())
    copied = overhead.copy_project(overhead.PROJECT, tmp_path / "copy", seed=2)

    assert settings | {"training": settings["training"] | {"seed": 2}} == yaml.safe_load(copied.read_text())
    assert (tmp_path / "copy" / "digits.py").is_file()


@pytest.mark.xdist_group("flows")
@pytest.mark.slow
def test_small_tasks_are_carried_out_once(overhead, prefect_api, tmp_path):
    """Four alone, four as tasks; the second time they come from the cache and put nothing into the store."""
    found = overhead.time_small_tasks(Workshop.at(tmp_path), count=4)

    assert {"carried out", "from the cache"} == found.keys()
    assert all(seconds < 5 for seconds in found.values())
    made = {path.read_text() for path in (tmp_path / "store").rglob("*.svg")}
    assert {f"alone {number}" for number in range(4)} | {f"{which} {number}" for which in ("first", "second") for number in range(2)} == made
