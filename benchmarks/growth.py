"""How time and memory grow with recipes in a run, and with runs in a store. Starts runs of a small project, and compares them with each other.

python benchmarks/growth.py recipes              # runs of 8, 32 and 64 recipes, each in a home folder of its own
python benchmarks/growth.py runs                 # home folders with 5 and with 200 runs, looked at in turns: half an hour and more
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from statistics import median

import yaml
from overhead import LOGGING, render, seconds_of
from pipeline import GIB, MIB, Promise, Usage, machine, measure, surroundings

from emberflow.adapters import store as store_module
from emberflow.adapters.registry import Registry
from emberflow.adapters.store import Store
from emberflow.adapters.tracking import Tracker
from emberflow.artifact import Kind
from emberflow.runs import last_record

EMBERFLOW = Path(sys.executable).with_name("emberflow")
FORMATS = ("float32", "dynamic", "float16", "int8")
RECIPES = (8, 32, 64)
RUNS = (5, 200)
LOOKS, COMMANDS = 21, 3
BOUND = 1.3
SOURCE = '''"""Two kinds of sixteen numbers, told apart by a network of some hundred parameters: what costs time is the pipeline."""

import numpy as np

from emberflow.dataset import Dataset, Samples


def samples(seed, count):
    random, y = np.random.default_rng(seed), np.arange(count) % 2
    return Samples(random.normal(y[:, None], 1, (count, 16)).astype(np.float32), y)


def load():
    return Dataset(samples(1, 128), samples(2, 32), samples(3, 64), ("low", "high"))


def build():
    from tf_keras import Sequential, layers

    return Sequential([layers.Input((16,)), layers.Dense(8, activation="relu"), layers.Dense(2, activation="softmax")])
'''


def recipes_of(count: int) -> tuple[str, ...]:
    """So many different ones, a fourth of them in each format: what one costs is the same, however many there are."""
    shares = range(10, 90, 80 // (count // len(FORMATS)))
    return tuple(f"prune{percent}-{form}" for percent, form in product(shares, FORMATS))[:count]


def write_project(folder: Path, recipes: Sequence[str], seed: int = 1) -> Path:
    """The small project; with another seed its weights are others, and so is all that follows from them."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "small.py").write_text(SOURCE, encoding="utf-8")
    settings = {
        "name": "small",
        "baseline": "small:build",
        "data": "small:load",
        "training": {"epochs": 2, "seed": seed},
        "fine_tuning": {"epochs": 1},
        "recipes": list(recipes),
        "target": "linux-arm64",
        "budget": {"accuracy_drop": 0.9},
    }
    path = folder / "emberflow.yaml"
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return path


def run(project: Path, home: Path) -> Usage:
    """One run from the command line."""
    return measure([EMBERFLOW, "run", project, "--home", home], home.parent / "run.log")


def grow_recipes(place: Path, counts: Sequence[int]) -> Mapping[int, Usage]:
    """Cold runs of so many recipes. Raises: SystemExit: one of them was not judged."""
    found = {}
    for count in counts:
        home = place / f"home-{count}"
        found[count] = run(write_project(place / f"project-{count}", recipes_of(count)), home)
        record = last_record(home, None)
        if len(record.variants) != count:
            raise SystemExit(f"of {count} recipes {len(record.variants)} were judged; expected all. {record.failures}")
        print(
            f"{count} recipes: {found[count].seconds:.1f} s, {found[count].cpu_seconds:.1f} s CPU, {found[count].peak_bytes / MIB:,.0f} MiB",
            flush=True,
        )
    return found


def recipe_promises(found: Mapping[int, Usage]) -> tuple[Promise, ...]:
    """A recipe may not take more CPU time or wall time among many than among few, a further one no more than those before it; nor may memory grow by much."""
    few, *_, many = sorted(found)
    cpu, wall = ((getattr(found[many], key) / many) / (getattr(found[few], key) / few) for key in ("cpu_seconds", "seconds"))
    return (
        Promise(f"CPU time of a recipe, {many} beside {few}", cpu, 1.0),
        Promise(f"wall time of a recipe, {many} beside {few}", wall, 1.0),
        *_further(found),
        Promise(f"peak memory, {many} recipes beside {few}", found[many].peak_bytes / found[few].peak_bytes, 1.3),
        Promise(f"peak memory of {many} recipes", found[many].peak_bytes / GIB, 3, " GiB"),
    )


def _further(found: Mapping[int, Usage]) -> Iterator[Promise]:
    if len(found) > 2:
        few, *_, middle, many = sorted(found)
        later, earlier = ((found[b].cpu_seconds - found[a].cpu_seconds) / (b - a) for a, b in ((middle, many), (few, middle)))
        yield Promise(f"CPU time of a further recipe, up to {many} beside up to {middle}", later / earlier, BOUND)


Glance = Mapping[str, float]
"""What was measured of a home folder: seconds, or MiB, by what was done."""


def look(home: Path, project: Path) -> Glance:
    """A run of `project`, which is new to the home folder, the same once more, and then what reads the folder, each the median of some times."""
    new, again = run(project, home), run(project, home)
    store, registry, record = Store(home / "store"), Registry(Tracker.local(home), "small"), last_record(home, None)
    registry.settle()  # imports MLflow
    return {
        "a new run": new.cpu_seconds,
        "an unchanged run": again.cpu_seconds,
        "memory of a new run": new.peak_bytes / MIB,
        "`emberflow report`": _cpu_of("report", "--home", home),
        LAST: _median(lambda: last_record(home, None)),
        "finding a blob": _median(lambda: _find(store, record.baseline.model)),
        "putting a blob": _median(lambda: _put(store)),
        "MLflow, one variant": seconds_of(home / "prefect" / "prefect.db", LOGGING),
        "registry: the names, settled": _median(registry.settle),
        VERSION: _median(lambda: registry.find(record.origin(record.choice.champion))),
        GC: _cpu_of("gc", "--dry-run", "--keep", 1000, "--home", home),
    }


LAST, VERSION, GC = "finding the last record", "registry: a version found", "`emberflow gc --dry-run`"
LISTS = (LAST, VERSION, GC)
"""What reads of all that there is a name or a tag, and grows with it."""

Round = Mapping[int, Glance]
"""A glance by the number of runs that the home folder began with."""


def run_promises(rounds: Sequence[Round]) -> tuple[Promise, ...]:
    """The fullest home folder beside the emptiest: the median of the ratios within each round."""
    few, many = min(rounds[0]), max(rounds[0])
    flat = [name for name in rounds[0][few] if name not in LISTS]
    ratios = {name: median(each[many][name] / each[few][name] for each in rounds) for name in flat}
    return tuple(Promise(f"{name}, {many} runs beside {few}", ratio, BOUND) for name, ratio in ratios.items())


def table(rounds: Sequence[Round]) -> str:
    """A row for each figure, a column for each home folder; medians."""
    counts = sorted(rounds[0])
    heads = ["", *(f"{count} runs" for count in counts)]
    rows = [[name, *(_show(name, median(each[count][name] for each in rounds)) for count in counts)] for name in rounds[0][counts[0]]]
    return "\n".join(f"| {' | '.join(row)} |" for row in (heads, ["---"] * len(heads), *rows))


def _show(name: str, figure: float) -> str:
    return f"{figure:,.0f} MiB" if name.startswith("memory") else f"{figure:.2f} s" if figure >= 0.1 else f"{1000 * figure:.2f} ms"


def grow_runs(place: Path, counts: Sequence[int], rounds: int) -> list[Round]:
    """Home folders with so many runs, looked at in turns. Those that lie in `place` already are filled up."""
    for count in counts:
        held = len(list((place / f"home-{count}").glob("runs/*/*/record.json")))
        fill(place / f"home-{count}", [_seeded(place, seed) for seed in range(held + 1, count + 1)])
    found: list[Round] = []
    unseen = int(time.time())  # a seed that no run before had
    for number in range(rounds):
        order = counts if number % 2 == 0 else counts[::-1]
        found.append({count: look(place / f"home-{count}", _seeded(place, unseen + number)) for count in order})
        print(f"\n{table(found)}\n", flush=True)
    return found


def _seeded(place: Path, seed: int) -> Path:
    return write_project(place / f"project-{seed}", ("int8",), seed)


def fill(home: Path, projects: Sequence[Path]) -> None:
    """Run all `projects` in one process, which starts Prefect once. Raises: CalledProcessError: one failed."""
    if projects:
        command = [sys.executable, __file__, "fill", "--home", home, *projects]
        subprocess.run(list(map(str, command)), check=True, env=surroundings(os.environ))


def fill_here(home: Path, projects: Sequence[Path]) -> None:
    """The same, in this process."""
    from emberflow.cli.environment import prepare_environment  # noqa: PLC0415
    from emberflow.cli.server import start_server  # noqa: PLC0415

    prepare_environment(home)
    server = start_server()

    from flows.retrain_to_deploy import retrain_to_deploy  # noqa: PLC0415 - reads the environment when it is imported
    from flows.settings import RunConfig  # noqa: PLC0415

    if server:
        server.wait_until_ready()
    for number, project in enumerate(projects, start=1):
        start = time.perf_counter()
        retrain_to_deploy(RunConfig(project=str(project), home=str(home)))
        print(f"{number} of {len(projects)}: {time.perf_counter() - start:.1f} s", flush=True)


def _find(store: Store, artifact: object) -> None:
    store_module._proven.clear()  # as in a new process
    if trouble := store.look(artifact):
        raise SystemExit(trouble)


def _put(store: Store) -> None:
    with store.workplace() as folder:
        (folder / "made").write_text(str(time.perf_counter_ns()), encoding="utf-8")
        store.put(folder / "made", Kind.SVG)


def _cpu_of(*words: object) -> float:
    """The median CPU seconds of a command."""
    spans = []
    for _ in range(COMMANDS):
        before = os.times()
        subprocess.run([EMBERFLOW, *map(str, words)], check=True, stdout=subprocess.DEVNULL)
        after = os.times()
        spans.append(after.children_user + after.children_system - before.children_user - before.children_system)
    return median(spans)


def _median(work: Callable[[], object]) -> float:
    """CPU seconds: how long a disk takes to keep a blob varies more than anything here."""
    spans = []
    for _ in range(LOOKS):
        start = time.process_time()
        work()
        spans.append(time.process_time() - start)
    return median(spans)


@contextmanager
def a_place(kept: Path | None) -> Iterator[Path]:
    """A folder for homes and projects: the one that was named, which stays, or one that goes."""
    place = kept or Path(tempfile.mkdtemp(prefix="emberflow-growth-"))
    try:
        yield place
    finally:
        if kept is None:
            shutil.rmtree(place, ignore_errors=True)


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    orders = parser.add_subparsers(dest="order", required=True)
    for name, counts in (("recipes", RECIPES), ("runs", RUNS)):
        order = orders.add_parser(name)
        order.add_argument("--counts", type=int, nargs="+", default=counts, help=f"how many (default: {' '.join(map(str, counts))})")
        order.add_argument("--place", type=Path, help="a folder for all that is made (default: one that goes)")
    order.add_argument("--rounds", type=int, default=6, help="how often the home folders are looked at (default: 6)")
    filling = orders.add_parser("fill")
    filling.add_argument("--home", type=Path, required=True)
    filling.add_argument("projects", type=Path, nargs="+")
    return parser.parse_args()


def main() -> None:
    """Measure and print. Ends with 0 whether promises are kept or missed."""
    arguments = parse_arguments()
    if arguments.order == "fill":
        return fill_here(arguments.home, arguments.projects)
    print("\n".join(f"{key}: {value}" for key, value in machine().items()), flush=True)
    with a_place(arguments.place) as place:
        if arguments.order == "recipes":
            promises = recipe_promises(grow_recipes(place, arguments.counts))
        else:
            promises = run_promises(grow_runs(place, arguments.counts, arguments.rounds))
    print(f"\n{render(promises)}")
    return None


if __name__ == "__main__":
    main()
