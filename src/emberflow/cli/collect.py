"""`emberflow gc`: makes room in the store, and says what went. Asks the registry which versions have a name; decides nothing else."""

from pathlib import Path

from rich.console import Console

from emberflow.adapters.registry import Registry
from emberflow.adapters.sweep import Freed, Keep, projects, sweep
from emberflow.adapters.tracking import Tracker
from emberflow.adapters.workshop import Workshop
from emberflow.errors import ProjectError
from emberflow.units import show_bytes


def collect(home: Path, keep: Keep, mlflow: str | None, *, dry_run: bool) -> None:
    """Free the store of `home`, and say what went. Raises: ProjectError: there is no store, or it isn't known where versions are registered."""
    workshop = Workshop.at(home)
    if not workshop.store.root.is_dir():
        raise ProjectError(f"there is no store in '{home}'; expected the folder of earlier runs, as --home")
    keep = keep.model_copy(update={"serving": _serving(workshop, mlflow)})
    tell(sweep(workshop.home, workshop.store, keep, dry_run=dry_run), dry_run=dry_run)


def _serving(workshop: Workshop, mlflow: str | None) -> frozenset[str]:
    """The runs that made what serves, by every project that has used the store."""
    known = projects(workshop.store)
    if known and not mlflow and not (workshop.home / "mlflow.db").is_file():
        raise ProjectError(
            f"there is no MLflow in '{workshop.home}', and so it isn't known which versions serve; give the server that runs log to, as --mlflow"
        )
    tracker = Tracker(mlflow) if mlflow else Tracker.local(workshop.home)
    return frozenset().union(*(Registry(tracker, project).serving_runs() for project in known))


def tell(freed: Freed, *, dry_run: bool) -> None:
    """Print what went and what stayed."""
    would = "would be " if dry_run else ""
    lines = [
        f"{would}freed  {show_bytes(freed.blobs.size_bytes)}: {_count(freed.blobs.number, 'blob')} that only {_count(len(freed.runs), 'older run')} used,"
        f" {_count(freed.results, 'cached result')}, {_count(freed.unfinished, 'unfinished folder')} of killed runs",
        f"kept   {show_bytes(freed.kept.size_bytes)}: {_count(freed.kept.number, 'blob')} of {_count(freed.kept_runs, 'run')};"
        " reports, bundles and MLflow are never touched",
    ]
    if freed.altered.number:
        lines.append(
            f"altered {show_bytes(freed.altered.size_bytes)}: {_count(freed.altered.number, 'blob')} in store/altered, for a look; delete them by hand"
        )
    for line in lines:
        Console().print(line, highlight=False, soft_wrap=True)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
