"""What processes that are gone have left in a home folder. Looks; removes nothing: the next run, `emberflow up` and `emberflow gc` do.

Locks of ours are the kernel's, which frees them with whoever had them; what stays is their files, unfinished folders and runs that look alive.
"""

import json
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import psutil

from emberflow.adapters.lock import is_held
from emberflow.adapters.process_mark import ProcessMark
from emberflow.adapters.store import Store
from emberflow.cli.finding import Finding

_ANSWER_SECONDS = 2.0
_START_SECONDS = 120.0  # as long as a run waits for it
_OPEN = """SELECT experiments.name, tags.value FROM runs
    JOIN tags ON tags.run_uuid = runs.run_uuid AND tags.key = 'emberflow.process'
    JOIN experiments ON experiments.experiment_id = runs.experiment_id
    WHERE runs.status = 'RUNNING'"""


def look_at_leftovers(home: Path) -> Iterator[Finding]:
    """A finding for each kind of thing that was left behind; none where all is tidy."""
    yield from _killed_runs(home / "mlflow.db")
    yield from _unfinished(home)
    yield from _silent_servers(Path(os.environ.get("PREFECT_HOME", home / "prefect")))


def _killed_runs(data_base: Path) -> Iterator[Finding]:
    lost = sorted(_lost_projects(data_base))
    if lost:
        projects = ", ".join(f"'{project}'" for project in dict.fromkeys(lost))
        yield Finding(
            "killed runs",
            f"{len(lost)} of {projects} stand as running, and their processes are gone",
            "expected them to be marked as killed: the next `emberflow run` of the project does, and goes on from what they had finished",
            is_needed=False,
        )


def _lost_projects(data_base: Path) -> Iterator[str]:
    if not data_base.is_file():
        return
    try:
        with closing(sqlite3.connect(f"{data_base.resolve().as_uri()}?mode=ro", uri=True, timeout=1)) as opened:
            rows = opened.execute(_OPEN).fetchall()
    except sqlite3.DatabaseError:  # what is wrong with it, `migrations` tells
        return
    for project, words in rows:
        mark = ProcessMark.parse(words)
        if mark and mark.has_ended():
            yield project


def _unfinished(home: Path) -> Iterator[Finding]:
    folders = Store(home / "store", "", "").left()
    locks = [path for path in (home / "results" / "locks").glob("*") if not is_held(path)]
    found = [f"{len(each)} {name}" for each, name in ((folders, "unfinished folders"), (locks, "lock files")) if each]
    if found:
        yield Finding(
            "leftovers",
            f"{' and '.join(found)} of runs that were killed",
            "expected none; they keep nobody waiting, and are removed by: emberflow gc",
            is_needed=False,
        )


def _silent_servers(prefect_home: Path) -> Iterator[Finding]:
    """Of Prefect servers that runs share: one whose process is there and answers nobody keeps the next run waiting for two minutes."""
    for file in sorted(prefect_home.glob("servers/*/address.json")):
        try:
            noted = json.loads(file.read_text(encoding="utf-8"))
            number, url = int(noted["pid"]), str(noted["url"])
        except (OSError, ValueError, KeyError):
            continue  # written anew by the next one
        if _is_old_server(number) and not _answers(url):
            yield Finding(
                "Prefect's server",
                f"process {number} doesn't answer at {url}",
                f"expected an answer within {_ANSWER_SECONDS:.0f} s; the next run would wait for it: kill {number}",
            )


def _is_old_server(number: int) -> bool:
    """Whether the process is such a server, and has had its time to start."""
    try:
        process = psutil.Process(number)
        is_ours = any("emberflow.cli.server_process" in word for word in process.cmdline())
        return is_ours and time.time() - process.create_time() > _START_SECONDS
    except psutil.Error:
        return False


def _answers(url: str) -> bool:
    try:
        with urlopen(f"{url}/health", timeout=_ANSWER_SECONDS) as answer:  # noqa: S310 - the address is our own
            return bool(answer.status == 200)
    except (URLError, ConnectionError, TimeoutError):
        return False
