"""Read, check and standardize the data. Never cached: only reading the data can tell whether they changed."""

from pathlib import Path

from prefect import task

from emberflow.adapters.crew import Job
from emberflow.adapters.workshop import Workshop
from emberflow.artifact import Kind
from emberflow.dataset import Part, Splits
from emberflow.project import Project
from emberflow.stages.prepare import Facts
from tasks.conduct import RETRIED, stage

LIMIT_SECONDS = 3600


@task(name="prepare data", task_run_name="prepare {project.name}", persist_result=False, **RETRIED)
def prepare(project: Project, folder: Path, workshop: Workshop) -> Splits:
    """The project's data as checked parts in the store."""
    with stage("prepare data") as tell, workshop.store.workplace() as place:
        keywords = {"project": project, "folder": folder, "out": place}
        facts = workshop.run(Job("emberflow.stages.prepare:prepare", keywords, LIMIT_SECONDS), tell)
        return _splits(facts, place, workshop)


def _splits(facts: Facts, place: Path, workshop: Workshop) -> Splits:
    put = workshop.store.put
    parts = {
        name: Part(x=put(place / f"{name}-x.npy", Kind.ARRAY), y=put(place / f"{name}-y.npy", Kind.ARRAY), samples=count)
        for name, count in facts.samples.items()
    }
    return Splits(**parts, **facts.model_dump(exclude={"samples"}))
