"""Write what people look at and what leaves the house: report, plots, bundle. Never cached: they name the run."""

import os
import shutil
from pathlib import Path

from prefect import task
from prefect.artifacts import create_image_artifact, create_markdown_artifact

from emberflow.adapters.crew import Job
from emberflow.adapters.disk import telling_of_disk
from emberflow.adapters.workshop import Workshop
from emberflow.record import Record
from emberflow.runs import bundle_folder, run_folder, write_record
from emberflow.stages.package import Champion
from emberflow.table import escape, markdown
from emberflow.variant import Variant
from tasks.conduct import RETRIED, stage

LIMIT_SECONDS = 900


@task(name="write report", task_run_name="write report", persist_result=False, **RETRIED)
def write_report(record: Record, workshop: Workshop) -> Path:
    """The folder with `record.json`, `report.html` and the plots; there with all of them or not at all."""
    folder, made = (run_folder(home, record.project, record.provenance.run_id) for home in (workshop.home, Path()))
    with stage("report") as tell, workshop.store.workplace() as place, telling_of_disk(workshop.home):
        write_record(place, record)
        workshop.run(Job("emberflow.stages.package:write_report", {"record": record, "folder": place / made}, LIMIT_SECONDS), tell)
        _move(place / made, folder)
        tell(str(folder / "report.html"))
    return folder


def _move(made: Path, folder: Path) -> None:
    """Put a folder where it is looked for, on the same disk, in one step; what an earlier attempt left there is gone."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(made, folder)


@task(name="write bundle", task_run_name="write bundle", persist_result=False, **RETRIED)
def write_bundle(record: Record, champion: str, workshop: Workshop) -> Path:
    """The champion's bundle: all that a firmware engineer needs."""
    proven = workshop.store.proven
    vectors = record.splits.vectors
    folder = bundle_folder(workshop.home, record.project, record.provenance.run_id)
    report = run_folder(workshop.home, record.project, record.provenance.run_id) / "report.html"
    keywords = {
        "record": record,
        "champion": _files(record.variant(champion), workshop),
        "vectors": (proven(vectors.x), proven(vectors.y)),
        "report_html": report,
        "out": folder,
    }
    with stage("bundle") as tell:
        workshop.run(Job("emberflow.stages.package:package", keywords, LIMIT_SECONDS), tell)
    return folder


def _files(champion: Variant, workshop: Workshop) -> Champion:
    sources = champion.firmware.sources if champion.firmware else None
    return Champion(model=workshop.store.proven(champion.model), sources=workshop.store.proven(sources) if sources else None)


@task(name="show in Prefect", task_run_name="show in Prefect", persist_result=False, **RETRIED)
def show_in_prefect(record: Record, folder: Path, links: dict[str, str]) -> None:
    """Table, explanation and, where there are variants, the Pareto plot as artifacts of the run."""
    told = "\n".join(f"- {name}: {link}" for name, link in links.items())
    text = f"## {escape(record.project)}\n\n{markdown(record)}\n\n{told}\n"
    create_markdown_artifact(text, key=f"variants-{_key(record)}", description="Every variant with its verdict")
    if record.variants:  # of none, nothing is drawn
        plot = (folder / "plots" / "pareto.uri").read_text()
        create_image_artifact(plot, key=f"pareto-{_key(record)}", description="Size against the metric; the front is what no other beats in both")


def _key(record: Record) -> str:
    return record.project.replace("_", "-")
