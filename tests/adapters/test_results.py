"""Which blobs a kept result names, as Prefect writes it."""

import json

import pytest

from emberflow.adapters.results import artifacts_of
from emberflow.artifact import Artifact, Kind, digest

BLOB = Artifact(sha256=digest(b"x"), size_bytes=1, kind=Kind.SVG)


def test_artifacts_are_found_wherever_they_stand_in_a_result(tmp_path):
    """In lists and dictionaries; Prefect's file is JSON whose `result` is JSON again."""
    result = {"model": BLOB.model_dump(mode="json"), "parts": [{"x": BLOB.model_dump(mode="json")}], "accuracy": 0.5}
    (tmp_path / "result").write_text(json.dumps({"metadata": {}, "result": json.dumps(result)}))

    assert (BLOB, BLOB) == artifacts_of(tmp_path / "result")


@pytest.mark.parametrize("text", ['{"metadata":', "{}", '{"result": 3}', '{"result": "{"}', ""])
def test_a_result_that_can_not_be_read_is_none(tmp_path, text):
    """Cut off, empty, or of another version of Prefect."""
    (tmp_path / "result").write_text(text)

    assert artifacts_of(tmp_path / "result") is None
    assert artifacts_of(tmp_path / "missing") is None


@pytest.mark.xdist_group("flows")
def test_prefect_writes_results_so(prefect_api, tmp_path):
    """A real task's file."""
    from prefect import task

    @task(cache_key_fn=lambda *_: f"results-{tmp_path.name}", result_serializer="json")
    def make():
        return {"model": BLOB.model_dump(mode="json")}

    make()

    (file,) = prefect_api.glob(f"results-{tmp_path.name}")
    assert (BLOB,) == artifacts_of(file)
