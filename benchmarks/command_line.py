"""How long commands take that need no TensorFlow, from the start of the process to its end, and how long `inspect` takes with and without it.

python benchmarks/command_line.py --rounds 5
"""

import argparse
import resource
import runpy
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from emberflow.runs import write_record

INSTANT_SECONDS = 1.0
INSPECT_SECONDS = 15.0
MODEL = "MobileNetV1-0.25"
A_RECORD = Path(__file__).parents[1] / "tests" / "a_record.py"


@dataclass(frozen=True)
class Command:
    """Arguments of `emberflow`, and the seconds that they may take."""

    words: Sequence[str]
    limit_seconds: float
    shown: str


@dataclass(frozen=True)
class Timing:
    """Medians over the rounds: from start to end, and of user and system time."""

    command: Command
    wall_seconds: float
    cpu_seconds: float

    @property
    def is_kept(self) -> bool:
        """Whether the promise was."""
        return self.wall_seconds <= self.command.limit_seconds

    def __str__(self) -> str:
        kept = "kept" if self.is_kept else "missed"
        return f"| `{self.command.shown}` | {self.wall_seconds:.2f} s | {self.cpu_seconds:.2f} s | {self.command.limit_seconds:g} s | {kept} |"


def commands(place: Path) -> tuple[Command, ...]:
    """What is timed, on files in the folder `place`, which `write_files` wrote."""
    model, data, twin = str(place / "model.tflite"), str(place / "x.npy"), str(place / "float.tflite")
    page = ("--out", str(place / "page.html"))
    instant = [["--help"], ["recipes"], ["recipes", "prune70-int8"], ["targets"], ["targets", "stm32f405"]]
    return (
        *(Command(words, INSTANT_SECONDS, " ".join(words)) for words in instant),
        Command(["report", "--home", str(place / "home")], INSTANT_SECONDS, "report"),
        Command(["inspect", model, *page], INSPECT_SECONDS, "inspect model.tflite"),
        Command(
            ["inspect", model, "--data", data, "--against", twin, *page], INSPECT_SECONDS, "inspect model.tflite --data x.npy --against float.tflite"
        ),
    )


def write_files(place: Path) -> None:
    """A model of some 300 KB as int8 and float32, samples for it, and the record of a run."""
    from tiny_models import build_both, signals  # noqa: PLC0415 - TensorFlow: in this process alone, never in those that are timed

    quantized, real = build_both(MODEL)
    (place / "model.tflite").write_bytes(quantized)
    (place / "float.tflite").write_bytes(real)
    np.save(place / "x.npy", signals((96, 96, 3), 200, seed=2))
    write_record(place / "home", runpy.run_path(str(A_RECORD))["RECORD"])
    print(f"{MODEL}: {len(quantized):,} B as int8, {len(real):,} B as float32; 200 samples")


def time_command(command: Command, rounds: int) -> Timing:
    """Run it `rounds` times. Raises: CalledProcessError: it failed."""
    walls, cpus = [], []
    for _ in range(rounds):
        before, start = _cpu_seconds(), time.perf_counter()
        code = "from emberflow.cli import main; main()"
        subprocess.run([sys.executable, "-c", code, *command.words], check=True, stdout=subprocess.DEVNULL)
        walls.append(time.perf_counter() - start)
        cpus.append(_cpu_seconds() - before)
    return Timing(command, median(walls), median(cpus))


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Time and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="how often each command is run (default: 5)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        write_files(Path(place))
        print("\n| command | wall | CPU | at most | |\n|---|---|---|---|---|")
        for command in commands(Path(place)):
            print(time_command(command, arguments.rounds), flush=True)


if __name__ == "__main__":
    main()
