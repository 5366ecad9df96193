"""MLflow's tables in a fresh SQLite file: all of them, or none. Refuses to migrate what is there already."""

import os
from pathlib import Path

from mlflow.store.db.utils import _initialize_tables
from sqlalchemy import create_engine

_JOURNALS = ("-journal", "-wal", "-shm")  # SQLite would play them back into a new file of that name


def make_tables(database: Path) -> None:
    """Give `database` MLflow's tables where there is no such file, or an empty one; one process at a time.

    MLflow makes them in dozens of steps, each committed by itself, and can't go on where a process was killed in between ("index already exists").
    So they are made in a file beside, which gets its name when all are there; what a killed process left of such a file is removed.
    """
    if database.exists() and database.stat().st_size:
        return
    beside = database.with_name(f"{database.name}.new")
    for ending in ("", *_JOURNALS):
        database.with_name(beside.name + ending).unlink(missing_ok=True)
    engine = create_engine(f"sqlite:///{beside}")
    try:
        _initialize_tables(engine)  # type: ignore[no-untyped-call]
    finally:
        engine.dispose()
    os.replace(beside, database)
