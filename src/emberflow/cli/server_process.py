"""The process of the Prefect server that runs share: as Prefect starts it, but it ends when nobody uses it, even after kills. Started by `server`."""

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from types import FrameType

from emberflow.adapters.lock import take

ADDRESS = "address.json"
_LOOK_SECONDS = 0.5
_PATIENCE_SECONDS = 10.0


def leave_after(folder: Path) -> None:
    """End this process in an orderly way once nobody shares the lock `users`, which is kept to its end, so that nobody joins it meanwhile."""
    while take(folder / "users") is None:
        time.sleep(_LOOK_SECONDS)
    forget_address(folder)
    os.kill(os.getpid(), signal.SIGTERM)
    end_in_time()


def end_in_time() -> None:
    """End this process after a while, if it waits for somebody who is gone."""
    time.sleep(_PATIENCE_SECONDS)
    os._exit(1)


def note_address(folder: Path, port: int) -> None:
    """Say where this process answers, at once or not at all."""
    unfinished = folder / f"{ADDRESS}.{os.getpid()}"
    unfinished.write_text(json.dumps({"url": f"http://127.0.0.1:{port}/api", "pid": os.getpid()}))
    os.replace(unfinished, folder / ADDRESS)


def forget_address(folder: Path) -> None:
    """Say that this process answers nobody new: who comes now waits for its end."""
    (folder / ADDRESS).unlink(missing_ok=True)


def main() -> None:
    """Serve on the port of this machine that is the first argument; the second is the folder of its address and locks."""
    port, folder = int(sys.argv[1]), Path(sys.argv[2])
    note_address(folder, port)
    threading.Thread(target=leave_after, args=(folder,), daemon=True).start()
    import uvicorn  # noqa: PLC0415 - the watch begins before anything slow

    class Server(uvicorn.Server):
        """One that nobody joins once it was told to end."""

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            forget_address(folder)
            threading.Thread(target=end_in_time, daemon=True).start()
            super().handle_exit(sig, frame)

    app = "prefect.server.api.server:create_app"
    Server(uvicorn.Config(app, factory=True, host="127.0.0.1", port=port, log_level="error", lifespan="on")).run()


if __name__ == "__main__":
    main()
