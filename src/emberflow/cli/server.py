"""Prefect's API for one run, in a process of its own that starts before anything slow is imported. Knows its command line; nothing of flows."""

import atexit
import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from emberflow.errors import EmberflowError

_START_SECONDS = 120.0  # a fresh data base takes 27 s on a slow machine
_STOP_SECONDS = 5.0
_UVICORN = [sys.executable, "-m", "uvicorn", "--factory", "prefect.server.api.server:create_app", "--log-level", "error", "--lifespan", "on"]


@dataclass(frozen=True)
class Server:
    """A server that was started, and may not answer yet."""

    process: "subprocess.Popen[bytes]"
    url: str

    def wait_until_ready(self) -> None:
        """Block until it answers. Raises: EmberflowError: it ended, or two minutes went by."""
        end = time.monotonic() + _START_SECONDS
        while not self._answers():
            code = self.process.poll()
            if code is not None or time.monotonic() > end:
                fate = f"ended with exit code {code}" if code is not None else f"did not answer within {_START_SECONDS:.0f} s"
                raise EmberflowError(f"Prefect's server {fate} while it started; set PREFECT_SERVER_LOGGING_LEVEL=INFO to see why, and run again")
            time.sleep(0.05)

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        try:
            self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _answers(self) -> bool:
        try:
            with urlopen(f"{self.url}/health", timeout=_STOP_SECONDS) as answer:  # noqa: S310 - the address is our own
                return bool(answer.status == 200)
        except (URLError, ConnectionError, TimeoutError):
            return False


def start_server() -> Server | None:
    """A server for this process, which PREFECT_API_URL names from now on and which ends with it; None where somebody has chosen one.

    Prefect would start it itself, the same way, but not before it is imported, which takes as long again. To be called after
    `prepare_environment` and before Prefect is imported.
    """
    if "PREFECT_API_URL" in os.environ or Path(os.environ["PREFECT_HOME"], "profiles.toml").exists():
        return None
    port = _free_port()
    server = Server(
        subprocess.Popen(  # noqa: S603 - our own interpreter, and what Prefect itself starts
            [*_UVICORN, "--host", "127.0.0.1", "--port", str(port)],
            env=os.environ | {"PREFECT_UI_ENABLED": "0", "PREFECT__SERVER_EPHEMERAL": "1", "PREFECT__SERVER_FINAL": "1"},
        ),
        f"http://127.0.0.1:{port}/api",
    )
    atexit.register(server.stop)  # after Prefect has sent it what it still held back
    os.environ["PREFECT_API_URL"] = server.url
    return server


def _free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])
