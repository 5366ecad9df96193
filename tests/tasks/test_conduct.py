"""What is retried, and what a stage says: real Prefect runs."""

import logging

import pytest

from emberflow.errors import DataError, OutOfMemory, StageTimeout, TrackingError, UnsupportedLayer, WorkerLost
from tasks.conduct import EVENT, RETRIED, STAGE, stage

pytestmark = [pytest.mark.xdist_group("flows")]

AT_ONCE = RETRIED | {"retry_delay_seconds": 0, "retry_jitter_factor": None}


@pytest.mark.parametrize(
    ("error", "tries"),
    [
        (WorkerLost, 3),
        (OutOfMemory, 3),
        (StageTimeout, 1),
        (TrackingError, 3),
        (ConnectionResetError, 3),
        (DataError, 1),
        (UnsupportedLayer, 1),
        (ZeroDivisionError, 1),
    ],
)
def test_only_errors_that_can_pass_are_retried(prefect_api, error, tries):
    """Twice more, then the error leaves the flow."""
    from prefect import flow, task

    tried = []

    @task(**AT_ONCE)
    def fail():
        tried.append(1)
        raise error("words")

    @flow
    def run():
        fail()

    with pytest.raises(error, match="words"):
        run()
    assert tries == len(tried)


def test_a_stage_says_when_it_begins_what_it_does_and_how_it_ends(prefect_api, caplog):
    """In records that carry the event and the stage, for who shows progress."""
    from prefect import flow, task

    @task
    def work():
        with stage("convert int8") as tell:
            tell("27,096 B")

    @flow
    def run():
        work()

    with caplog.at_level(logging.INFO, logger="prefect.task_runs"):
        run()

    events = [(getattr(record, EVENT), getattr(record, STAGE)) for record in caplog.records if hasattr(record, EVENT)]
    assert [("began", "convert int8"), ("told", "convert int8"), ("ended", "convert int8")] == events
    assert any(record.getMessage().startswith("convert int8  27,096 B  (0.") for record in caplog.records)


def test_a_stage_that_raises_says_that_it_failed(prefect_api, caplog):
    """And the error goes on."""
    from prefect import flow, task

    @task
    def work():
        with stage("convert int8"):
            raise DataError("words")

    @flow
    def run():
        work()

    with caplog.at_level(logging.INFO, logger="prefect.task_runs"), pytest.raises(DataError, match="words"):
        run()

    assert ["began", "failed"] == [getattr(record, EVENT) for record in caplog.records if hasattr(record, EVENT)]
