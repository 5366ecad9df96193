"""What the order costs: Prefect's own time a task, MLflow's a variant, registration and gate a run. Starts runs, and reads what Prefect noted of them.

python benchmarks/overhead.py                # the digits example, trained twice: 4 minutes
python benchmarks/overhead.py --night        # and a scheduled run whose data did not change, on the whole stack: 4 minutes more
"""

import argparse
import atexit
import json
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import yaml
from pipeline import Promise, machine, measure

from emberflow.adapters.workshop import Workshop
from emberflow.artifact import Artifact, Kind
from emberflow.runs import last_record, read_decision

ROOT = Path(__file__).parents[1]
PROJECT = ROOT / "examples" / "digits" / "emberflow.yaml"
TASKS = 70  # as many as an unchanged run of the watch example has
LOGGING = ("log variants to MLflow",)
GATE = ("register", "fetch version ", "compare with champion", "gate", "write gate report", "promoted version ", "kept version ", "publish")
"""Beginnings of the names of task runs."""
POLL_SECONDS = 0.2
LONGEST_RUN_SECONDS = 1800

Ask = Callable[[str, Any], Any]


def seconds_of(data_base: Path, begin: tuple[str, ...]) -> float:
    """How long the tasks of the newest flow run took whose names begin so, added up: they follow each other."""
    with sqlite3.connect(f"file:{data_base}?mode=ro", uri=True) as noted:
        rows = noted.execute(
            "SELECT name, start_time, end_time FROM task_run WHERE flow_run_id = (SELECT id FROM flow_run ORDER BY start_time DESC LIMIT 1)"
        ).fetchall()
    spans = [(datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds() for name, start, end in rows if name.startswith(begin)]
    if not spans:
        raise SystemExit(f"of the newest run in '{data_base}' no task is called {' or '.join(begin)}; expected one at least")
    return sum(spans)


def put(text: str, workshop: Workshop) -> Artifact:
    """What a small task does: a file of a few bytes for the store."""
    with workshop.store.workplace() as place:
        file = place / "made"
        file.write_text(text, encoding="utf-8")
        return workshop.store.put(file, Kind.SVG)


def time_small_tasks(workshop: Workshop, count: int) -> Mapping[str, float]:
    """Prefect's own seconds a task, carried out and from the cache: a flow of small tasks, every second of which waits for another one, in
    the settings of real flows, less the same work without a flow.
    """
    from prefect import flow  # noqa: PLC0415 - reads the environment when it is imported

    from flows.chain import CONDUCT  # noqa: PLC0415

    first, second = _small_tasks()

    spans: list[float] = []

    @flow(**CONDUCT | {"flow_run_name": "small tasks"})
    def run(pairs: int) -> None:
        start = time.perf_counter()  # within: a flow waits up to a second for its heartbeat's thread when it ends
        made = [(before := first.submit(f"first {number}", workshop), second.submit(f"second {number}", before, workshop)) for number in range(pairs)]
        for before, after in made:
            before.result(), after.result()
        spans.append(time.perf_counter() - start)

    work = _time(lambda: [put(f"alone {number}", workshop) for number in range(count)])
    for _ in range(2):
        run(count // 2)
    carried_out, cached = spans
    return {"carried out": (carried_out - work) / count, "from the cache": cached / count}


def _small_tasks() -> tuple[Any, Any]:
    from prefect import task  # noqa: PLC0415

    from tasks.caching import StageCache  # noqa: PLC0415
    from tasks.conduct import RETRIED, stage  # noqa: PLC0415
    from tasks.products import Converted  # noqa: PLC0415

    cache = StageCache(stage="convert", facts=lambda inputs: repr((inputs["text"], inputs.get("before"))))

    def work(text: str, workshop: Workshop) -> Converted:
        with stage(text) as tell:
            made = put(text, workshop)
            tell(f"{made.size_bytes} B")
        return Converted(model=made, notes=())

    @task(name="first", task_run_name="{text}", cache_policy=cache, **RETRIED)
    def first(text: str, workshop: Workshop) -> Converted:
        return work(text, workshop)

    @task(name="second", task_run_name="{text}", cache_policy=cache, **RETRIED)
    def second(text: str, before: Converted, workshop: Workshop) -> Converted:
        return work(text, workshop)

    return first, second


def _time(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def with_server(home: Path) -> Mapping[str, float]:
    """The same, on a Prefect server as `emberflow run` starts it."""
    from emberflow.cli.environment import prepare_environment  # noqa: PLC0415
    from emberflow.cli.server import start_server  # noqa: PLC0415

    prepare_environment(home)
    server = start_server()
    if server is None:
        raise SystemExit("PREFECT_API_URL is set; take it away: what is measured is the server that `emberflow run` starts")
    server.wait_until_ready()
    return time_small_tasks(Workshop.at(home), TASKS)


def copy_project(project: Path, folder: Path, seed: int) -> Path:
    """The project with another seed, so that other weights are trained."""
    shutil.copytree(project.parent, folder, ignore=shutil.ignore_patterns("__pycache__", ".emberflow"))
    settings = yaml.safe_load(project.read_text(encoding="utf-8"))
    settings["training"] = settings.get("training", {}) | {"seed": seed}
    path = folder / project.name
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return path


def time_a_retraining(project: Path, place: Path) -> tuple[Promise, ...]:
    """MLflow, registration and gate in a run that makes a second version, which is compared with the first."""
    home = place / "home"
    for seed in (1, 2):
        copied = copy_project(project, place / f"seed-{seed}", seed)
        print(f"running {project.parent.name} with seed {seed}", flush=True)
        measure([Path(sys.executable).with_name("emberflow"), "run", copied, "--home", home], place / f"seed-{seed}.log")
    record = last_record(home, None)
    print(read_decision(home, record).sentence, flush=True)
    noted = home / "prefect" / "prefect.db"
    return (
        Promise("MLflow, a variant", seconds_of(noted, LOGGING) / len(record.variants), 0.3, " s"),
        Promise("registration and gate", seconds_of(noted, GATE), 15, " s"),
    )


def time_a_night(project: Path, place: Path) -> Promise:
    """From the moment a run is scheduled for to its end, the second time: nothing has changed then. On the stack that `emberflow up` starts."""
    home = place / "stack"
    ports = _free_port(), _free_port()
    _emberflow(place, "up", "--home", home, "--prefect-port", ports[0], "--mlflow-port", ports[1])
    try:
        ask = prefect_at(f"http://127.0.0.1:{ports[0]}/api")
        for night in ("first", "second"):
            seconds = run_deployed(ask, "retrain-to-deploy", {"project": str(project)})
            record = last_record(home, None)
            print(f"the {night} night: {seconds:.1f} s; {read_decision(home, record).sentence}", flush=True)
    finally:
        _emberflow(place, "down", "--home", home)
    return Promise("a night without new data", seconds, 60, " s")


def run_deployed(ask: Ask, deployment: str, config: Mapping[str, str]) -> float:
    """Have the stack's worker run a deployment as its schedule would, now; seconds from then to its end. Raises: SystemExit: it failed."""
    (found,) = ask("deployments/filter", {"deployments": {"name": {"any_": [deployment]}}})
    run = ask(f"deployments/{found['id']}/create_flow_run", {"parameters": {"config": {**found["parameters"]["config"], **config}}})
    end = time.monotonic() + LONGEST_RUN_SECONDS
    while (seen := ask(f"flow_runs/{run['id']}", None))["state"]["type"] not in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED"):
        if time.monotonic() > end:
            raise SystemExit(f"the run of {deployment} did not end within {LONGEST_RUN_SECONDS} s; its state is {seen['state']['name']}")
        time.sleep(POLL_SECONDS)
    if seen["state"]["type"] != "COMPLETED":
        raise SystemExit(f"the run of {deployment} ended as {seen['state']['name']}; expected Completed. It says: {seen['state']['message']}")
    return (datetime.fromisoformat(seen["end_time"]) - datetime.fromisoformat(seen["expected_start_time"])).total_seconds()


def prefect_at(address: str) -> Ask:
    """A way to ask a Prefect API: path and body in, answer out."""

    def ask(path: str, body: Any) -> Any:
        sent = json.dumps(body).encode() if body is not None else None
        with urlopen(Request(f"{address}/{path}", sent, {"Content-Type": "application/json"}), timeout=60) as answer:  # noqa: S310 - our own address
            return json.load(answer)

    return ask


def _emberflow(place: Path, *words: object) -> None:
    subprocess.run([Path(sys.executable).with_name("emberflow"), *map(str, words)], cwd=place, check=True, stdout=subprocess.DEVNULL)


def _free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


def render(promises: tuple[Promise, ...]) -> str:
    """A row a promise."""
    rows = [
        f"| {each.words} | {each.measured:.2f}{each.unit} | {each.most:g}{each.unit} | {'kept' if each.is_kept else 'missed'} |" for each in promises
    ]
    return "\n".join(["| promise | measured | at most | |", "|---|---|---|---|", *rows])


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--project", type=Path, default=PROJECT, help="what is run (default: the digits example)")
    parser.add_argument("--night", action="store_true", help="also time a scheduled run whose data did not change, on the stack of `emberflow up`")
    return parser.parse_args()


def main() -> None:
    """Measure and print. Ends with 0 whether promises are kept or missed."""
    arguments = parse_arguments()
    print("\n".join(f"{key}: {value}" for key, value in machine().items()), flush=True)
    place, project = Path(tempfile.mkdtemp(prefix="emberflow-overhead-")), arguments.project.resolve()
    atexit.register(shutil.rmtree, place, ignore_errors=True)  # after the server of the small tasks, which ends when this process does
    promises = [*time_a_retraining(project, place)]
    if arguments.night:
        promises.append(time_a_night(project, place))
    promises += [Promise(f"Prefect, a task {how}", seconds, 0.1, " s") for how, seconds in with_server(place / "small").items()]
    print(f"\n{render(tuple(promises))}")


if __name__ == "__main__":
    main()
