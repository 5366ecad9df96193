"""A run of the command line with its home on a small disk of its own, which fills up on the way. Started in a mount namespace of its own."""

import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread

from emberflow.artifact import digest_file

EMBERFLOW = [sys.executable, "-c", "from emberflow.cli import main; main()"]


def run(project, home):
    """The exit code and what was printed."""
    done = subprocess.run([*EMBERFLOW, "run", project, "--home", str(home)], capture_output=True, text=True, timeout=400, check=False)
    return {"code": done.returncode, "printed": done.stdout + done.stderr}


def fill(file):
    """Write to `file` until the disk takes no byte more."""
    with suppress(OSError), file.open("wb", buffering=0) as filler:
        while filler.write(bytes(1 << 20)):
            pass
    with suppress(OSError), file.open("ab", buffering=0) as filler:
        while filler.write(b"x"):
            pass


def fill_when(home, pattern, ended):
    """Fill the disk as soon as something in `home` is called `pattern`."""
    while not ended.is_set() and not any(home.glob(pattern)):
        time.sleep(0.01)
    if not ended.is_set():
        fill(home.parent / "filler")


def look(home):
    """What lies in `home`: the blobs whose bytes aren't those of their name, unfinished files, and the files of runs and bundles."""
    blobs = list(home.glob("store/??/*"))
    return {
        "blobs": len(blobs),
        "damaged": [blob.name for blob in blobs if digest_file(blob) != blob.stem],
        "unfinished": [str(path) for path in home.glob("store/unfinished/*")],
        "results": sorted({str(path.relative_to(home)) for room in ("runs", "bundles") for path in home.glob(f"{room}/**/*") if path.is_file()}),
    }


def main(disk, size, project, pattern, again):
    """Print what happened on a disk of `size` that fills up, and, if wanted, with room again."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", disk], check=True)  # noqa: S607 - wherever the system has it
    os.environ.pop("PREFECT_API_URL", None)
    home, ended = Path(disk, "home"), Event()
    filler = Thread(target=fill_when, args=(home, pattern, ended))
    filler.start()
    first = run(project, home)
    ended.set()
    filler.join()
    found = look(home)
    Path(disk, "filler").unlink(missing_ok=True)
    sys.stdout.write(json.dumps({"first": first, "found": found, "second": run(project, home) if again else None}))


if __name__ == "__main__":
    main(*sys.argv[1:])
