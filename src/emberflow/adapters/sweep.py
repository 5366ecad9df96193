"""Making room: the blobs that no kept run uses go. Knows ledgers and records of runs; refuses to know which versions serve, and is told."""

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from pydantic import Field

from emberflow.adapters.disk import telling_of_disk
from emberflow.adapters.ledger import Ledger, ledgers_in
from emberflow.adapters.lock import alone, take
from emberflow.adapters.results import artifacts_of
from emberflow.adapters.store import Store
from emberflow.artifact import artifacts_in
from emberflow.values import Value


class Keep(Value):
    """Which runs are kept, besides those that go on."""

    newest: int = Field(default=5, ge=0, description="so many of each project, counted from the last")
    younger_than_days: float = Field(default=0, ge=0, description="and all that used a blob since")
    serving: frozenset[str] = Field(default=frozenset(), description="and these, by id: what they made has a name in the registry")


class Heap(Value):
    """Some files."""

    number: int
    size_bytes: int


class Freed(Value):
    """What went and what stayed."""

    runs: tuple[str, ...] = Field(description="the ids of the runs whose blobs went, but for those that others use")
    blobs: Heap
    unfinished: int = Field(description="folders that killed runs left")
    results: int = Field(description="results in Prefect's cache that named a blob which is gone")
    kept: Heap
    kept_runs: int
    altered: Heap = Field(description="blobs that were set aside; they stay for a look")


@dataclass(frozen=True)
class _Past:
    """A run that was: its ledger, or the record of one that was made before there were ledgers."""

    project: str
    run: str
    used: float
    names: frozenset[str]
    is_open: bool
    ledger: Ledger | None


def sweep(home: Path, store: Store, keep: Keep, *, dry_run: bool = False) -> Freed:
    """Remove what no kept run uses from the store of `home`; with `dry_run` only say what that would be.

    A run that goes on meanwhile waits for the fraction of a second that this takes, and finds that a blob is gone before it relies on it.
    """
    with telling_of_disk(home), alone(store.lock):
        past = [*_ledgers(store), *_records(home, store)]
        kept = list(_kept(past, keep))
        forgotten = [run for run in past if run not in kept]
        wanted = frozenset().union(*(run.names for run in kept))
        gone = [blob for blob in store.blobs() if blob.name not in wanted]
        results = _dangling(home / "results", frozenset(blob.name for blob in gone))
        freed = Freed(
            runs=tuple(run.run for run in forgotten),
            blobs=_heap(gone),
            unfinished=len(store.left()),
            results=len(results),
            kept=_heap(blob for blob in store.blobs() if blob.name in wanted),
            kept_runs=len(kept),
            altered=_heap((store.root / "altered").glob("*")),
        )
        if not dry_run:
            _remove(results, gone, forgotten)
    if not dry_run:
        store.clear()
        for lock in (home / "results" / "locks").glob("*"):
            if held := take(lock):  # of a run that was killed while it made a result
                held.remove()
    return freed


def _remove(results: Iterable[Path], blobs: Iterable[Path], runs: Iterable[_Past]) -> None:
    """In this order: cut off anywhere, no result names a blob that is gone, and the next time does the rest."""
    for file in (*results, *blobs):
        file.unlink(missing_ok=True)
    for run in runs:
        if run.ledger:
            run.ledger.remove()


def projects(store: Store) -> list[str]:
    """The names of all projects that have a run in the store."""
    return sorted({ledger.project for ledger in ledgers_in(store.ledgers)})


def _ledgers(store: Store) -> Iterator[_Past]:
    for ledger in ledgers_in(store.ledgers):
        yield _Past(ledger.project, ledger.run, ledger.used(), ledger.names(), ledger.is_open(), ledger)


def _records(home: Path, store: Store) -> Iterator[_Past]:
    for record in sorted(home.glob("runs/*/*/record.json")):
        project, run = record.parts[-3:-1]
        if not (store.ledgers / project / run).exists():
            names = frozenset(artifact.name for artifact in artifacts_in(json.loads(record.read_bytes())))
            yield _Past(project, run, record.stat().st_mtime, names, is_open=False, ledger=None)


def _kept(past: Iterable[_Past], keep: Keep) -> Iterator[_Past]:
    youngest = time.time() - 86400 * keep.younger_than_days
    for _, runs in groupby(sorted(past, key=lambda run: (run.project, run.run)), key=lambda run: run.project):
        counted = 0  # only runs that came as far as using a blob: else five that failed at once would drive out the last good one
        for run in list(runs)[::-1]:
            if counted < keep.newest or run.is_open or run.used > youngest or run.run in keep.serving:
                yield run
            counted += bool(run.names)


def _dangling(results: Path, gone: frozenset[str]) -> list[Path]:
    found = ((result, artifacts_of(result)) for result in results.glob("*") if result.is_file())
    return [result for result, artifacts in found if artifacts and any(artifact.name in gone for artifact in artifacts)]


def _heap(files: Iterable[Path]) -> Heap:
    sizes = [file.stat().st_size for file in files]
    return Heap(number=len(sizes), size_bytes=sum(sizes))
