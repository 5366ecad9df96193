"""A worker process: takes calls over a pipe, one at a time, and stays warm. Started by `crew`; refuses to outlive its parent."""

import importlib
import os
import shutil
import signal
import sys
import threading
import time
import traceback
from multiprocessing.connection import Connection
from pathlib import Path
from pickle import PicklingError
from typing import Any

from emberflow.errors import EmberflowError, OutOfMemory

READY, TOLD, DONE, FAILED, BROKEN = "ready", "told", "done", "failed", "broken"
_NO_MEMORY = "ResourceExhaustedError"  # TensorFlow's, which this process need not have imported


def serve(pipe: Connection) -> None:
    """Answer calls `(entry, keywords)` until the pipe closes; `report=` is handed to functions as a way to tell of progress."""
    pipe.send((READY, os.getpid()))
    while True:
        try:
            entry, keywords = pipe.recv()
        except EOFError:
            return
        try:
            pipe.send(_answer(entry, keywords, lambda text: pipe.send((TOLD, text))))
        except (PicklingError, AttributeError, TypeError) as error:  # pickle raises any of these, before a byte is sent
            pipe.send((BROKEN, f"{entry} gave what can't be sent to another process: {error}"))


def _answer(entry: str, keywords: dict[str, Any], report: Any) -> tuple[str, Any]:
    module, name = entry.split(":")
    try:
        function = getattr(importlib.import_module(module), name)
        return DONE, function(**keywords, report=report)
    except EmberflowError as error:
        return FAILED, error
    except MemoryError:
        return FAILED, OutOfMemory(f"{entry} needs more memory than there is")
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a stage raises is told, with its trace, to the process that asked
        traceback.print_exc()
        if type(error).__name__ == _NO_MEMORY:
            return FAILED, OutOfMemory(f"{entry} needs more memory than there is: {str(error).splitlines()[0][:200]}")
        return BROKEN, f"{type(error).__name__}: {str(error)[:2000]}"


def _leave_with(parent: int, scratch: Path) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    shutil.rmtree(scratch, ignore_errors=True)
    os.killpg(os.getpgrp(), signal.SIGKILL)  # the session that `crew` made for this process: it and what it started


def main() -> None:
    """Serve the pipe whose file descriptor is the first argument; the second is the parent's process id, the third the folder of temporary files."""
    parent, scratch = int(sys.argv[2]), Path(sys.argv[3])
    threading.Thread(target=_leave_with, args=(parent, scratch), daemon=True).start()
    try:
        serve(Connection(int(sys.argv[1])))
    except (BrokenPipeError, KeyboardInterrupt) as error:
        sys.exit(f"worker: {type(error).__name__}: {error}")
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
