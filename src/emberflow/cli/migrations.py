"""Data bases of Prefect and MLflow in a home folder: are they of the installed versions? Reads revisions; migrates nothing.

Neither Prefect nor MLflow is imported, which takes seconds: the newest revision is read from the files of their migrations.
"""

import os
import re
import shlex
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from emberflow.cli.environment import is_migrated
from emberflow.cli.finding import Finding

_REVISION = re.compile(r"""^(down_)?revision\b[^=\n]*=\s*["'](\w+)["']""", re.MULTILINE)


@dataclass(frozen=True)
class Source:
    """Whose data base it is, the folder of its migrations below the package, and the program that carries them out."""

    package: str
    name: str
    folder: str

    def revisions(self) -> tuple[set[str], set[str]]:
        """All that are known, and those that no other one follows: the heads, of which there is one."""
        found = find_spec(self.package)
        places = found.submodule_search_locations if found else None
        files = Path(places[0], self.folder).glob("*.py") if places else ()
        pairs = [pair for file in files for pair in _REVISION.findall(file.read_text(encoding="utf-8"))]
        known, followed = ({revision for down, revision in pairs if bool(down) is is_down} for is_down in (False, True))
        return known, known - followed


MLFLOW = Source("mlflow", "MLflow", "store/db_migrations/versions")
PREFECT = Source("prefect", "Prefect", "server/database/_migrations/versions/sqlite")


def look_at_data_bases(home: Path) -> Iterator[Finding]:
    """A finding for each of the two that is there. One that a server of somebody's own keeps is that one's business."""
    mlflow = home / "mlflow.db"
    yield from _look(MLFLOW, mlflow, f"{_program('mlflow')} db upgrade {shlex.quote(f'sqlite:///{mlflow.resolve()}')}")
    if "PREFECT_API_URL" in os.environ or "PREFECT_API_DATABASE_CONNECTION_URL" in os.environ:
        return
    prefect = Path(os.environ.get("PREFECT_HOME", home / "prefect"), "prefect.db").resolve()
    address = shlex.quote(f"sqlite+aiosqlite:///{prefect}")
    command = f"PREFECT_API_DATABASE_CONNECTION_URL={address} {_program('prefect')} server database upgrade -y"
    yield from _look(PREFECT, prefect, command, migrates_itself=not is_migrated(home))


def _look(source: Source, file: Path, command: str, *, migrates_itself: bool = False) -> Iterator[Finding]:
    what = f"{source.name}'s data base"
    if not file.is_file():
        return
    try:
        found = revision_of(file)
    except sqlite3.DatabaseError as error:
        remedy = f"expected a data base of SQLite ({error}); bring it back from a copy, or move it away: a new one is made"
        yield Finding(what, f"'{file}' can't be read", remedy)
        return
    known, heads = source.revisions()
    if found is None or found in heads:
        yield Finding(what, f"of {source.name} {version(source.package)}" if found else "empty")
    elif found in known:
        doing = "the next run migrates it, or" if migrates_itself else "copy the file, then"
        remedy = f"expected {' or '.join(sorted(heads))}, of {source.name} {version(source.package)}; {doing}: {command}"
        yield Finding(what, f"'{file}' is of an older version ({found})", remedy, is_needed=not migrates_itself)
    else:
        remedy = f"expected one that {source.name} {version(source.package)} knows; install the version that made it, or bring back an older copy"
        yield Finding(what, f"'{file}' is of a newer version ({found})", remedy)


def revision_of(file: Path) -> str | None:
    """The revision that alembic noted; None where it noted none. Raises: sqlite3.DatabaseError: it is no data base."""
    with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True, timeout=1)) as opened:
        tables = opened.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'alembic_version'").fetchall()
        row = opened.execute("SELECT version_num FROM alembic_version").fetchone() if tables else None
    return str(row[0]) if row else None


def _program(name: str) -> str:
    """The program of this environment, which need not be on anybody's path."""
    return shlex.quote(str(Path(sys.executable).with_name(name)))
