"""Log records as lines: one an event, with its project, run, stage and variant."""

import io
import json
import logging
import warnings

import pytest

from emberflow import log as log_module
from emberflow.log import Lines, OneLine, around, line_of, name_run

CONVERT = {
    "flow_run_id": "f-1",
    "flow_run_name": "watch 2026-11-30 02:00:00",
    "task_run_id": "t-1",
    "task_name": "convert",
    "task_run_name": "convert int8",
}
WHEN = 1796004000.125  # 2026-11-30 02:00:00.125 UTC


@pytest.fixture(autouse=True)
def no_runs(monkeypatch):
    """This process has had no run yet."""
    monkeypatch.setattr(log_module, "_RUNS", {})


def record(text, *, level=logging.INFO, trace=None, **marks):
    """As Prefect's loggers make them."""
    made = logging.LogRecord("prefect.task_runs", level, "", 0, text, (), trace)
    made.created = WHEN
    vars(made).update(marks)
    return made


def event(made):
    """What the line of a record says; it must be one line."""
    line = OneLine("json").format(made)
    assert "\n" not in line
    return json.loads(line)


def test_an_event_is_an_object_with_its_place():
    """All keys are there, and the run is named by its id."""
    name_run("f-1", "watch", "20261130-020000-ab12")

    assert event(record("27,096 B", **CONVERT)) == {
        "time": "2026-11-30T02:00:00.125Z",
        "level": "info",
        "message": "27,096 B",
        "project": "watch",
        "run": "20261130-020000-ab12",
        "stage": "convert",
        "variant": "int8",
        "flow_run": "f-1",
        "logger": "prefect.task_runs",
    }


def test_before_a_run_has_an_id_its_name_in_prefect_stands_for_it():
    """And nothing is guessed of its project."""
    told = event(record("Beginning flow run", flow_run_id="f-1", flow_run_name="watch 2026-11-30 02:00:00"))

    assert (told["project"], told["run"], told["stage"], told["variant"]) == (None, "watch 2026-11-30 02:00:00", None, None)


@pytest.mark.parametrize(
    ("task", "task_run", "variant"),
    [
        ("convert", "convert prune70-cluster16-qat-int8", "prune70-cluster16-qat-int8"),
        ("compress", "compress prune70-qat", "prune70-qat"),
        ("run on chip", "run on chip int8", "int8"),
        ("prepare data", "prepare watch", None),
        ("recall", "recall version 3", None),
        ("train baseline", "train baseline", None),
        ("convert", "convert-0", None),
    ],
)
def test_the_variant_is_that_of_the_task_run(task, task_run, variant):
    """A recipe, or the steps that several begin with; what else a task run is called after is none."""
    assert event(record("", **CONVERT | {"task_name": task, "task_run_name": task_run}))["variant"] == variant


def test_many_lines_are_one_event_and_a_trace_is_a_key_of_its_own():
    """Ends of lines are written as \\n in JSON."""
    with pytest.raises(ValueError, match="first") as caught:
        raise ValueError("first\nsecond")
    told = event(record("one\ntwo", trace=(caught.type, caught.value, caught.tb)))

    assert told["message"] == "one\ntwo"
    assert told["trace"].startswith("Traceback (most recent call last):\n")
    assert told["trace"].endswith("ValueError: first\nsecond")


def test_as_text_the_place_comes_before_the_words():
    """What has no meaning is a dash; lines are joined, and no terminal obeys a name."""
    name_run("f-1", "watch", "20261130-020000-ab12")
    text = OneLine("text").format(record("one\n\n  two \x1b[31m", level=logging.WARNING, **CONVERT | {"task_run_name": "convert"}))

    assert text == ("2026-11-30T02:00:00.125Z WARNING project=watch run=20261130-020000-ab12 stage=convert variant=-  one |   two \\x1b[31m")


def test_what_has_no_marks_has_those_around_it():
    """As the words of a worker, which are passed on in the thread of their task; they end with it."""
    name_run("f-1", "watch", "r-1")
    name_run("f-2", "digits", "r-2")
    with around(CONVERT):
        inside = event(record("said"))
    outside = event(record("said"))

    assert (inside["project"], inside["run"], inside["stage"], inside["variant"]) == ("watch", "r-1", "convert", "int8")
    assert (outside["project"], outside["run"], outside["stage"]) == (None, None, None)


def test_where_a_process_has_one_run_what_is_said_outside_is_of_it():
    """Such as the error that ends the command. Outside of Prefect no run is noted."""
    name_run("f-1", "watch", "r-1")
    name_run(None, "digits", "r-2")

    told = json.loads(line_of("json", logging.ERROR, "no variant fits: 100 % of them"))
    assert (told["project"], told["run"], told["level"], told["message"]) == ("watch", "r-1", "error", "no variant fits: 100 % of them")


def test_the_handler_takes_the_place_of_prefects_and_hears_warnings():
    """With the arguments that Prefect's configuration gives its own; Python's warnings come as events, not as two lines."""
    output = io.StringIO()
    handler = Lines(stream=output, styles={"log.web_url": "blue"}, level="INFO")
    handler.setFormatter(OneLine("json"))
    logger = logging.getLogger("py.warnings")
    logger.addHandler(handler)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            logging.captureWarnings(True)
            warnings.warn("old", DeprecationWarning, stacklevel=1)
    finally:
        logger.removeHandler(handler)
        logging.captureWarnings(False)
        logging.getLogger("emberflow").setLevel(logging.NOTSET)

    (line,) = output.getvalue().splitlines()
    assert "DeprecationWarning: old" in json.loads(line)["message"]
