"""When a stage runs again: real Prefect tasks, a real store."""

from types import SimpleNamespace

import pytest

from emberflow.adapters.workshop import Workshop
from emberflow.artifact import Artifact, Kind
from tasks.caching import StageCache

pytestmark = [pytest.mark.xdist_group("flows")]


def key(stage, text, workshop, name="convert"):
    policy = StageCache(stage=stage, facts=lambda inputs: inputs["text"])
    return policy.compute_key(SimpleNamespace(task=SimpleNamespace(name=name)), {"text": text, "workshop": workshop}, {})


def test_the_key_names_its_stage_and_is_the_same_for_the_same_facts(prefect_api, tmp_path):
    """Where the stage runs is no part of it."""
    here, there = Workshop.at(tmp_path / "here"), Workshop.at(tmp_path / "there")

    assert key("convert", "a", here) == key("convert", "a", there)
    assert key("convert", "a", here).startswith("convert-")


def test_the_key_changes_with_facts_stage_and_task(prefect_api, tmp_path):
    """Four keys, all different."""
    workshop = Workshop.at(tmp_path)

    keys = [key("convert", "a", workshop), key("convert", "b", workshop), key("evaluate", "a", workshop), key("convert", "a", workshop, "other")]

    assert len(set(keys)) == 4


def test_tools_and_another_module_count(prefect_api, tmp_path):
    """ziglang decides what is linked, and the bench lies outside the stages."""
    workshop = Workshop.at(tmp_path)
    policies = [
        StageCache(stage="convert", facts=lambda _: "", **more) for more in ({}, {"tools": ("rich",)}, {"module": "emberflow.adapters.bench"})
    ]
    task = SimpleNamespace(task=SimpleNamespace(name="a"))

    assert len({policy.compute_key(task, {"workshop": workshop}, {}) for policy in policies}) == 3


def counted(tmp_path, runs):
    """A task of a stage that counts how often it is carried out and puts its text into the store."""
    from prefect import task

    @task(cache_policy=StageCache(stage="convert", facts=lambda inputs: f"{tmp_path}{inputs['text']}"), result_serializer="json")
    def make(text: str, workshop: Workshop) -> dict[str, str]:
        runs.append(text)
        with workshop.store.workplace() as place:
            file = place / "made"
            file.write_text(text)
            return workshop.store.put(file, Kind.SVG).model_dump(mode="json")

    return make


def test_the_second_call_is_taken_from_the_cache(prefect_api, tmp_path):
    """One run, the same artifact twice."""
    from prefect import flow

    runs, workshop = [], Workshop.at(tmp_path)
    make = counted(tmp_path, runs)

    @flow
    def twice():
        return make("a", workshop), make("a", workshop)

    one, other = twice()
    assert one == other
    assert ["a"] == runs


def test_a_result_whose_blob_is_gone_is_made_again(prefect_api, tmp_path):
    """Deleted between two runs: forgotten, so that the stage runs."""
    from prefect import flow

    runs, workshop = [], Workshop.at(tmp_path)
    make = counted(tmp_path, runs)

    @flow
    def once():
        return make("a", workshop)

    first = Artifact(**once())
    workshop.store.path(first).unlink()
    once()

    assert ["a", "a"] == runs
    assert workshop.store.has(first)


def test_a_result_whose_blob_was_altered_is_made_again_and_told(prefect_api, tmp_path, caplog):
    """The run goes on; the altered file is kept for a look."""
    from prefect import flow

    runs, workshop = [], Workshop.at(tmp_path)
    make = counted(tmp_path, runs)

    @flow
    def once():
        return make("a", workshop)

    first = Artifact(**once())
    workshop.store.path(first).write_text("b")
    once()

    aside = tmp_path / "store" / "altered" / f"{first.sha256}.svg"
    assert ["a", "a"] == runs
    assert workshop.store.path(first).read_text() == "a"
    assert aside.read_text() == "b"
    assert f"the blob {first.sha256[:12]} (svg) was altered" in caplog.text
    assert f"set aside for a look, as '{aside}'; it is made anew" in caplog.text


def test_another_machine_finds_results_and_blobs_at_the_stores_address(prefect_api, tmp_path):
    """Two home folders and two folders of results that share nothing but the address: made once."""
    from prefect import flow
    from prefect.settings import PREFECT_LOCAL_STORAGE_PATH, temporary_settings

    runs, address = [], str(tmp_path / "shared")
    make = counted(tmp_path, runs)

    @flow
    def once(workshop):
        return make("a", workshop)

    made = []
    for name in ("here", "there"):
        workshop = Workshop.at(tmp_path / name, address=address)
        with temporary_settings({PREFECT_LOCAL_STORAGE_PATH: str(tmp_path / f"results-{name}")}):
            made.append(Artifact(**once(workshop)))
        assert workshop.store.path(made[-1]).read_text() == "a"

    assert 1 == len(set(made))
    assert ["a"] == runs


def test_a_result_that_can_not_be_read_is_made_again(prefect_api, tmp_path):
    """A file cut off by a crash."""
    from prefect import flow

    runs, workshop = [], Workshop.at(tmp_path)
    make = counted(tmp_path, runs)

    @flow
    def once():
        return make("a", workshop)

    before = set(prefect_api.iterdir())
    once()
    (result,) = {path for path in set(prefect_api.iterdir()) - before if path.name.startswith("convert-")}
    result.write_text('{"metadata":')
    once()

    assert ["a", "a"] == runs
