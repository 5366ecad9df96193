"""Prefect's API for the runs of a home folder, in a process of its own that starts before anything slow is imported. Knows its command line; nothing of flows.

The first run starts it, those that come meanwhile join it, and it ends with the last: eight servers over one SQLite file would wait for each other.
"""

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from emberflow.adapters.lock import Held, alone, is_held, share, take
from emberflow.artifact import digest
from emberflow.cli.server_process import ADDRESS
from emberflow.errors import EmberflowError

_START_SECONDS = 120.0  # a fresh data base takes 27 s on a slow machine
_STOP_SECONDS = 5.0
_SERVER = [sys.executable, "-m", "emberflow.cli.server_process"]


@dataclass(frozen=True)
class Server:
    """A server that runs, started by this process or another one; it may not answer yet.

    folder: its address, its log, and its locks: `process` is held by the server, `users` is shared by the runs that use it.
    """

    folder: Path
    url: str
    pid: int
    use: Held
    process: "subprocess.Popen[bytes] | None" = None

    def wait_until_ready(self) -> None:
        """Block until it answers. Raises: EmberflowError: it ended, or two minutes went by."""
        end = time.monotonic() + _START_SECONDS
        while not self._answers():
            is_over = not self._is_alive()
            if is_over or time.monotonic() > end:
                fate = "ended" if is_over else f"did not answer within {_START_SECONDS:.0f} s"
                raise EmberflowError(
                    f"Prefect's server {fate} while it started; its log is {self.folder / 'log'}: set PREFECT_SERVER_LOGGING_LEVEL=INFO"
                    " to see more there, and run again"
                )
            time.sleep(0.05)

    def leave(self) -> None:
        """Use it no longer; the last one ends it, and nobody joins it meanwhile."""
        atexit.unregister(self.leave)
        self.use.give_back()
        if last := take(self.folder / "users"):
            self._end()
            last.give_back()

    def _end(self) -> None:
        for number, patience in ((signal.SIGTERM, _STOP_SECONDS), (signal.SIGKILL, _STOP_SECONDS)):
            end = time.monotonic() + patience
            if self._is_alive():
                os.kill(self.pid, number)
            while self._is_alive() and time.monotonic() < end:
                time.sleep(0.02)
        if self.process:
            self.process.wait()

    def _is_alive(self) -> bool:
        return is_held(self.folder / "process")

    def _answers(self) -> bool:
        try:
            with urlopen(f"{self.url}/health", timeout=_STOP_SECONDS) as answer:  # noqa: S310 - the address is our own
                return bool(answer.status == 200)
        except (URLError, ConnectionError, TimeoutError):
            return False


def start_server() -> Server | None:
    """A server for this process, which PREFECT_API_URL names from now on; None where somebody has chosen one.

    Prefect would start it itself, the same way, but not before it is imported, which takes as long again. To be called after
    `prepare_environment` and before Prefect is imported.
    """
    if "PREFECT_API_URL" in os.environ or Path(os.environ["PREFECT_HOME"], "profiles.toml").exists():
        return None
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    use = share(folder / "users")  # waits for a server that is about to end
    with alone(folder / "start"):
        server = _join_or_spawn(folder, use)
    atexit.register(server.leave)  # after Prefect has sent it what it still held back
    os.environ["PREFECT_API_URL"] = server.url
    return server


def _join_or_spawn(folder: Path, use: Held) -> Server:
    """The one that runs, once it has noted where; one that is about to end notes nothing any more, and is followed by another."""
    while (held := take(folder / "process")) is None:
        with suppress(FileNotFoundError):
            return Server(folder, use=use, **json.loads((folder / ADDRESS).read_text()))
        time.sleep(0.02)
    return _spawn(folder, use, held)


def _folder() -> Path:
    """Of the server that all runs share which have this Prefect and this data base."""
    told = f"{version('prefect')} {os.environ.get('PREFECT_API_DATABASE_CONNECTION_URL', '')}"
    return Path(os.environ["PREFECT_HOME"], "servers", digest(told.encode())[:12])


def _spawn(folder: Path, use: Held, held: Held) -> Server:
    """Start one, which holds the lock `held` from now on, however long this process lives."""
    port = _free_port()
    settings = {
        "PREFECT_UI_ENABLED": "0",
        "PREFECT__SERVER_EPHEMERAL": "1",
        "PREFECT__SERVER_FINAL": "1",
        "PREFECT_SERVER_DATABASE_TIMEOUT": "60",  # seconds that one writer waits for another: SQLite has one at a time
    }
    (folder / ADDRESS).unlink(missing_ok=True)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter, and what Prefect itself starts
            [*_SERVER, str(port), str(folder)],
            env=os.environ | settings,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[held.descriptor],
            start_new_session=True,  # Ctrl-C is meant for one run, and others may use it
        )
    held.give_back()
    return Server(folder, _url(port), process.pid, use, process)


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}/api"


def _free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])
