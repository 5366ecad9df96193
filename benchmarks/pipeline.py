"""What the pipeline costs: wall time, CPU time and memory, beside the same calls made by hand. Starts and watches processes; computes nothing itself.

python benchmarks/pipeline.py --rounds 3 --json figures.json
"""

import argparse
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import psutil

from emberflow.recipe import ALL

ROOT = Path(__file__).parents[1]
PROJECT = ROOT / "examples" / "watch" / "emberflow.yaml"
ADDED_RECIPE = "cluster8-int8"
SAMPLE_SECONDS = 0.5
MIB, GIB = 1024**2, 1024**3

BY_HAND, COLD, UNCHANGED, ADDED = "by hand", "pipeline, cold", "pipeline, unchanged", "pipeline, one recipe more"
NAMES = (BY_HAND, COLD, UNCHANGED, ADDED)
_TITLES = ("", "wall", "CPU", "peak memory")
_WIDTHS = (28, 10, 10, 14)


@dataclass(frozen=True)
class Usage:
    """What a process and all that it started took."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int


Round = Mapping[str, Usage]
"""A usage for each of NAMES."""


@dataclass(frozen=True)
class Promise:
    """A figure, and the most it may be."""

    words: str
    measured: float
    most: float
    unit: str = ""

    @property
    def is_kept(self) -> bool:
        """Whether the figure is not above the limit."""
        return self.measured <= self.most

    def __str__(self) -> str:
        figures = f"{self.measured:.2f}{self.unit}, promised at most {self.most:g}{self.unit}"
        return f"{self.words:28}{figures}: {'kept' if self.is_kept else 'missed'}"


def promises(rounds: Sequence[Round]) -> tuple[Promise, ...]:
    """What the pipeline promises, measured: times are the median over the rounds (a ratio is taken within its round), memory the most of all."""
    ratio = median(each[COLD].seconds / each[BY_HAND].seconds for each in rounds)
    rerun = median(each[UNCHANGED].seconds for each in rounds)
    peak = max(each[name].peak_bytes for each in rounds for name in NAMES[1:])
    return (
        Promise("cold pipeline / by hand", ratio, 1.15),
        Promise("unchanged rerun", rerun, 30, " s"),
        Promise("peak memory of the pipeline", peak / GIB, 3, " GiB"),
    )


def render(rounds: Sequence[Round]) -> str:
    """A line a run (median over the rounds; memory: the most), then a line a promise."""
    rows = [_row(_TITLES), *(_row(_cells(name, [each[name] for each in rounds])) for name in NAMES)]
    return "\n".join([*rows, "", *map(str, promises(rounds))])


def _cells(name: str, usages: Sequence[Usage]) -> tuple[str, ...]:
    wall, cpu = median(u.seconds for u in usages), median(u.cpu_seconds for u in usages)
    return name, f"{wall:.1f} s", f"{cpu:.1f} s", f"{max(u.peak_bytes for u in usages) / MIB:,.0f} MiB"


def _row(cells: Sequence[str]) -> str:
    first, *others = (f"{cell:{'>' if place else '<'}{width}}" for place, (cell, width) in enumerate(zip(cells, _WIDTHS, strict=True)))
    return "".join([first, *others])


def tree_bytes(pid: int) -> int:
    """Memory of process `pid` and all its descendants: the sum of their PSS (Linux), so that a page that n of them share counts 1/n for each."""
    try:
        root = psutil.Process(pid)
        return sum(map(_pss, [root, *root.children(recursive=True)]))
    except psutil.NoSuchProcess:
        return 0


def _pss(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except (psutil.NoSuchProcess, psutil.AccessDenied):  # it ended since it was listed, or is about to
        return 0


def measure(command: Sequence[str | Path], log: Path) -> Usage:
    """Run `command` with its output in `log`, and look at its tree of processes twice a second.

    CPU time is that of all processes of the tree that their parents waited for (getrusage).
    Raises: SystemExit: it failed; the message has the log's last line.
    """
    before, start = _cpu_seconds(), time.perf_counter()
    with log.open("wb") as sink:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT, env=surroundings(os.environ))
    peak_bytes = 0
    try:
        while _is_running(process):
            peak_bytes = max(peak_bytes, tree_bytes(process.pid))
    finally:
        process.terminate()  # nothing to end unless this was interrupted
        code = process.wait()
    if code:
        last = log.read_text(encoding="utf-8", errors="replace").strip().rpartition("\n")[2]
        raise SystemExit(f"'{' '.join(map(str, command))}' ended with {code}; expected 0. Its last line is '{last}', the rest is in {log}")
    return Usage(time.perf_counter() - start, _cpu_seconds() - before, peak_bytes)


def _is_running(process: subprocess.Popen[bytes]) -> bool:
    """Wait for the next sample, or for the end, whichever comes first."""
    try:
        process.wait(SAMPLE_SECONDS)
    except subprocess.TimeoutExpired:
        return True
    return False


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def surroundings(environment: Mapping[str, str]) -> dict[str, str]:
    """`environment` without what would lead Prefect or MLflow away from the fresh home folder."""
    return {name: value for name, value in environment.items() if not name.startswith(("PREFECT_", "MLFLOW_"))}


def commands(home: Path) -> dict[str, list[str | Path]]:
    """What is run, by name."""
    run: list[str | Path] = [Path(sys.executable).with_name("emberflow"), "run", PROJECT, "--home", home]
    added = ",".join([*map(str, ALL), ADDED_RECIPE])
    return {BY_HAND: [sys.executable, ROOT / "benchmarks" / "by_hand.py"], COLD: run, UNCHANGED: run, ADDED: [*run, "--recipes", added]}


def run_round(number: int, logs: Path) -> Round:
    """All runs of one round; every second round begins with the pipeline, so that neither side always comes first."""
    home = Path(tempfile.mkdtemp(prefix="emberflow-benchmark-"))
    order = NAMES if number % 2 else (*NAMES[1:], BY_HAND)
    used: dict[str, Usage] = {}
    try:
        for name in order:
            log = logs / f"{number}-{name.replace(', ', '-').replace(' ', '-')}.log"
            print(f"round {number}: {name}; its output: {log}", flush=True)
            used[name] = measure(commands(home)[name], log)
            print(f"round {number}: {name}: {used[name].seconds:.1f} s", flush=True)
    finally:
        shutil.rmtree(home, ignore_errors=True)
    return used


def read_the_disk(logs: Path) -> None:
    """Import what both sides import, so that neither pays for the first reading of the files."""
    print("importing everything once, so that the files are in memory", flush=True)
    measure([sys.executable, "-c", "import tensorflow, tf_keras, tensorflow_model_optimization, tflite_micro, prefect, mlflow"], logs / "imports.log")


def machine() -> dict[str, str]:
    """Where this was measured, and how busy it was before."""
    models = [line.partition(": ")[2] for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines() if line.startswith("model name")]
    return {
        "processor": f"{models[0] if models else platform.machine()}, {len(os.sched_getaffinity(0))} cores",
        "memory": f"{psutil.virtual_memory().total / GIB:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "load before": f"{os.getloadavg()[0]:.1f} processes (the last minute's mean)",
    }


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=1, help="how often to run everything (default: 1, about 10 minutes)")
    parser.add_argument("--json", type=Path, help="file to write every figure to")
    return parser.parse_args()


def main() -> None:
    """Measure and print. Ends with 0 whether promises are kept or missed."""
    arguments = parse_arguments()
    where, logs = machine(), Path(tempfile.mkdtemp(prefix="emberflow-benchmark-logs-"))
    print("\n".join(f"{key}: {value}" for key, value in where.items()), flush=True)
    read_the_disk(logs)
    rounds = [run_round(number, logs) for number in range(1, max(1, arguments.rounds) + 1)]
    print(f"\n{render(rounds)}")
    if arguments.json:
        kept = [asdict(promise) | {"kept": promise.is_kept} for promise in promises(rounds)]
        figures = [{name: asdict(usage) for name, usage in each.items()} for each in rounds]
        arguments.json.write_text(json.dumps({"machine": where, "rounds": figures, "promises": kept}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
