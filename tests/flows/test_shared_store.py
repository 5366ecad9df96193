"""Two machines that share nothing but a bucket: what one has made the other one finds. Real processes, a real S3 of this machine."""

import pytest

from emberflow.runs import last_record
from tests import a_bucket
from tests.flows.test_at_once import carried_out, run_at_once

pytestmark = [pytest.mark.xdist_group("flows"), pytest.mark.slow, pytest.mark.longest, pytest.mark.timeout(1500)]


def test_another_machine_makes_nothing_again(write_project, tmp_path, monkeypatch):
    """Every stage of the second run is taken from the bucket; the models are the same, and its bundle is its own."""
    project = write_project(recipes=["int8"])
    told = []
    with a_bucket.s3() as address:
        monkeypatch.setenv("EMBERFLOW_STORE", f"{address}/team")
        for name in ("here", "there"):
            told += run_at_once([(project, tmp_path / name)])

    assert [0, 0] == [code for _, code in told], told
    here, there = (last_record(tmp_path / name, "tiny") for name in ("here", "there"))
    assert (here.baseline.model, here.variant("int8").model) == (there.baseline.model, there.variant("int8").model)
    assert {"here"} == {name for name in ("here", "there") if carried_out(tmp_path / name)["convert int8", "Completed"]}
    done = carried_out(tmp_path / "there")
    for stage in ("train baseline", "convert int8", "evaluate int8", "compile int8", "run on chip int8", "time on host"):
        assert (0, 1) == (done[stage, "Completed"], done[stage, "Cached"])
