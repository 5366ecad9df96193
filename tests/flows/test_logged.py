"""What a run says on stderr where lines are asked for: every line is an event with its place, whatever happens in the run."""

import json
import re

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.long]

KEYS = {"time", "level", "message", "project", "run", "stage", "variant", "flow_run", "logger"}


_STUMBLE = """

def stumble():
    import traceback

    try:
        1 / 0
    except ZeroDivisionError:
        traceback.print_exc()
        raise
"""


def events_of(answer):
    """Every line of stderr, parsed."""
    return [json.loads(line) for line in answer.stderr.splitlines()]


@pytest.fixture(scope="module")
def logged(command, write_project, tmp_path_factory):
    """A cold run with --log json."""
    answer = command("run", str(write_project()), "--home", str(tmp_path_factory.mktemp("logged")), "--log", "json")
    assert answer.returncode == 0, answer.stderr
    return answer


def test_every_line_is_an_event_of_the_run(logged):
    """With its run; the project and the run's id from when it has one, which is before the first stage."""
    events = events_of(logged)
    staged = [event for event in events if event["stage"]]

    assert [event for event in events if set(event) - {"trace"} != KEYS or not event["run"]] == []
    assert {event["project"] for event in staged} == {"tiny"}
    assert len({event["run"] for event in staged}) == 1
    assert len({event["flow_run"] for event in events}) == 1


def test_stages_and_variants_are_named(logged):
    """Those that each variant goes through, and workers' words among them."""
    events = events_of(logged)

    assert {"prepare data", "train baseline", "compress", "convert", "evaluate", "compile", "run on chip", "gate"} <= {
        event["stage"] for event in events
    }
    assert {event["variant"] for event in events if event["stage"] == "convert"} == {"float32", "int8", "prune50-int8"}
    assert {event["variant"] for event in events if event["stage"] == "compress"} == {"prune50"}
    assert {event["stage"] for event in events if event["logger"] == "emberflow.worker"} >= {"train baseline"}


def test_the_table_is_on_stdout_and_the_progress_is_not(logged):
    """Whoever reads both gets nothing twice."""
    assert "prune50-int8" in logged.stdout
    assert not re.search(r"^\s*\d+:\d\d  ", logged.stdout, re.MULTILINE)


def test_a_run_that_fails_says_so_in_lines_with_the_workers_trace(command, write_project, tmp_path):
    """The data function, in a worker, prints a trace and fails: the trace is one event of the stage, and the last line is the command's word."""
    path = write_project(data="tiny:stumble")
    (path.parent / "tiny.py").write_text((path.parent / "tiny.py").read_text() + _STUMBLE)
    answer = command("run", str(path), "--home", str(tmp_path), "--log", "json")
    events = events_of(answer)
    traces = [event for event in events if event["logger"] == "emberflow.worker" and "ZeroDivisionError" in event["message"]]

    assert answer.returncode == 2
    assert [(event["level"], event["project"], event["stage"]) for event in traces] == [("error", "tiny", "prepare data")]
    assert (events[-1]["level"], events[-1]["project"], events[-1]["logger"]) == ("error", "tiny", "emberflow")
    assert "ZeroDivisionError" in events[-1]["message"]


def test_as_text_each_line_begins_with_time_level_and_place(command, write_project, tmp_path):
    """Here of the same failure, asked for by the environment's name, and of a project file that can't be read."""
    path = write_project(data="tiny:nowhere")
    lines = command("run", str(path), "--home", str(tmp_path), "--log", "text").stderr.splitlines()
    wrong = command("run", str(path.with_name("none.yaml")), "--home", str(tmp_path), "--log", "text")

    begin = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z [A-Z]+ +project=\S+ run=.+ stage=.+ variant=\S+  \S")
    assert lines
    assert [line for line in (*lines, *wrong.stderr.splitlines()) if not begin.match(line)] == []
    assert wrong.returncode == 2
