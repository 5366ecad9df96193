"""A run that is killed, at any moment, and started again ends as if nothing had happened. Real SIGKILLs, and real stores that have to bear them."""

import os
import sqlite3
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.flows.killed import Home

pytestmark = [pytest.mark.longest, pytest.mark.slow, pytest.mark.timeout(3600), pytest.mark.xdist_group("killed")]
DIGITS = Path(__file__).parents[2] / "examples" / "digits" / "emberflow.yaml"
RECIPES = "int8,prune70-int8"
KILLS = int(os.environ.get("EMBERFLOW_KILLS", "20"))
MOST_KILLS = 3  # of one home: then a run ends by itself, and all is looked at
SEED = int(os.environ.get("EMBERFLOW_KILLS_SEED", "6"))


@pytest.fixture(scope="module")
def calm(tmp_path_factory):
    """The digits example, run without being disturbed, and how many seconds that took."""
    home = Home(tmp_path_factory.mktemp("calm") / "home", DIGITS, RECIPES)
    start = time.monotonic()
    assert home.run() == 0, home.printed[-1]
    return home, time.monotonic() - start


def count(home, rows):
    """How many `rows` MLflow's data base has, which is not touched; none where it isn't made yet."""
    try:
        with sqlite3.connect(f"file:{home.folder / 'mlflow.db'}?mode=ro", uri=True, timeout=5) as base:
            return int(base.execute(f"select count(*) from {rows}").fetchone()[0])  # noqa: S608 - from below
    except sqlite3.OperationalError:
        return 0


FINISHED = "runs where status = 'FINISHED' and run_uuid not in (select run_uuid from tags where key = 'mlflow.parentRunId')"


def check(home, calm, killed):
    """Nothing is lost, nothing is doubled, nothing is half there."""
    assert home.damaged() == []
    assert home.result() == calm.result()
    assert home.versions == calm.versions
    assert [run for run in home.runs if run[0] == "FINISHED"] == calm.runs
    assert {status for status, _ in home.runs} <= {"FINISHED", "KILLED"}
    assert all("RUNNING" not in nested for _, nested in home.runs)
    assert len(home.runs) <= killed + 1


def test_twenty_kills_at_random_moments_change_nothing(calm, tmp_path):
    """Home after home is killed, and killed again, until a run ends by itself; then all is as in the undisturbed home."""
    undisturbed, seconds = calm
    draw, told, kills = np.random.default_rng(SEED), [], 0
    while kills < KILLS:
        home, here, left = Home(tmp_path / f"home-{len(told)}", DIGITS, RECIPES), [], seconds
        while True:
            goes_wrong, start = kills < KILLS and len(here) < MOST_KILLS, time.monotonic()
            moment = draw.uniform(0, left) if goes_wrong else float("inf")
            code = home.run(lambda passed, moment=moment: passed > moment)
            assert home.note_results() == [], "a finished stage was run again"
            if code == 0:
                seconds = seconds if here else min(seconds, time.monotonic() - start)  # the machine has less to do than it had
                break
            assert code == -9, home.printed[-1]
            kills += 1
            here.append(f"{moment:.1f}")
            left = max(left - moment, seconds / 2)  # a run that goes on is a shorter one
            if count(home, FINISHED):  # nothing was left to do: MLflow is told so last
                break
        check(home, undisturbed, len(here))
        told.append(here)
    sys.stderr.write(f"{kills} kills in {len(told)} homes, after seconds of {seconds:.0f}: {told}\n")


@pytest.mark.parametrize(
    "is_time",
    [
        pytest.param(lambda home: any(home.folder.glob("store/??/*.h5")), id="the baseline is kept"),
        pytest.param(lambda home: any(home.folder.glob("store/unfinished/*/*")), id="a blob is being written"),
        pytest.param(lambda home: any(home.folder.glob("runs/*/*/report.html")), id="the report is there"),
        pytest.param(lambda home: any(home.folder.glob("bundles/*/*")), id="the bundle is there"),
        pytest.param(lambda home: count(home, "logged_models") > 1, id="variants are being logged"),
        pytest.param(lambda home: count(home, "model_versions") > 0, id="the version is registered"),
        pytest.param(lambda home: count(home, "registered_model_aliases") > 0, id="the champion is named"),
    ],
)
def test_a_kill_where_it_hurts_changes_nothing(calm, tmp_path, is_time):
    """As soon as something has happened that the next run could trip over."""
    home = Home(tmp_path / "home", DIGITS, RECIPES)

    assert home.run(lambda _: is_time(home)) == -9, home.printed[-1]
    home.note_results()
    assert home.run() == 0, home.printed[-1]
    assert home.note_results() == []
    check(home, calm[0], 1)
