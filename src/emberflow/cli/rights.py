"""Who may read and write what lies in a home folder, and the files of keys. Looks at modes and owners; changes none."""

import os
import shlex
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from emberflow.cli.finding import Finding

_DATA_BASES = ("mlflow.db", "prefect/prefect.db")
_FOR_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_SECRETS = {"password": "the password of the servers", "mlflow-auth.ini": "MLflow's users"}


def look_at_rights(home: Path) -> Iterator[Finding]:
    """One finding for what lies in `home`: whether this user may write to its folders, two deep, and to its data bases."""
    if not home.is_dir():
        return
    closed = [path for path in _places(home) if not os.access(path, os.R_OK | os.W_OK | (os.X_OK if path.is_dir() else 0))]
    if closed:
        more = f" and {len(closed) - 1} more" if len(closed) > 1 else ""
        yield Finding("permissions", f"'{closed[0]}'{more} can't be written to", f"expected all of it to be yours: {_opening(closed, home)}")
    else:
        yield Finding("permissions", f"{home} can be written to")


def _places(home: Path) -> Iterator[Path]:
    yield home
    for pattern in ("*", "*/*"):
        yield from sorted(path for path in home.glob(pattern) if path.is_dir())
    yield from (home / name for name in _DATA_BASES if (home / name).exists())


def _opening(closed: Iterable[Path], home: Path) -> str:
    """The command that gives the places to this user; one on a disk that is mounted for reading stays closed."""
    if any(os.statvfs(path).f_flag & os.ST_RDONLY for path in closed):
        return "its disk is mounted for reading only; give --home another folder"
    if any(path.stat().st_uid != os.getuid() for path in closed):
        return f"sudo chown -R {os.getuid()} {shlex.quote(str(home))}"
    return f"chmod -R u+rwX {shlex.quote(str(home))}"


def look_at_secrets(home: Path, key: Path | None) -> Iterator[Finding]:
    """A finding for each file that others shouldn't read, where it is there, and for the signing key, which must be."""
    for name, use in _SECRETS.items():
        if (home / name).is_file():
            yield _privacy(use, home / name)
    if key and not key.is_file():
        yield Finding("signing key", f"'{key}' is missing", f"expected the file of a private key; make one: emberflow key {shlex.quote(str(key))}")
    elif key and not os.access(key, os.R_OK):
        yield Finding("signing key", f"'{key}' can't be read", f"expected it to be yours: sudo chown {os.getuid()} {shlex.quote(str(key))}")
    elif key:
        yield _privacy("signing key", key)


def _privacy(what: str, path: Path) -> Finding:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & _FOR_OTHERS:
        remedy = f"expected 600, readable by you alone: chmod 600 {shlex.quote(str(path))}"
        return Finding(what, f"'{path}' is open to others (mode {mode:03o})", remedy, is_needed=False)
    return Finding(what, f"{path}, yours alone")
