"""What a user sees of the log while a run goes: lines for what ended, was told or went wrong, each with the minutes passed."""

import io
import logging
from types import SimpleNamespace

import pytest
from rich.console import Console

from emberflow.cli import progress as progress_module
from emberflow.cli.progress import Progress

STAGES, FLOW = "prefect.task_runs", "prefect.flow_runs"


class Clock:
    """Seconds as a test sets them."""

    def __init__(self):
        self.now = 1000.0

    def monotonic(self):
        """As time.monotonic()."""
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(progress_module, "time", clock)
    return clock


@pytest.fixture
def heard(clock):
    """A progress without a terminal, as in CI, and what it wrote."""
    output = io.StringIO()
    shown = Progress(Console(file=output, width=80))
    return SimpleNamespace(progress=shown, lines=lambda: output.getvalue().splitlines())


def record(text, event=None, stage="", *, level=logging.INFO, name=STAGES, trace=None):
    """A log record as tasks.conduct leaves them, or one of Prefect's own."""
    made = logging.makeLogRecord({"name": name, "levelno": level, "msg": text, "exc_info": trace})
    if event:
        made.emberflow_event, made.emberflow_stage = event, stage
    return made


def hear(heard, *args, **keywords):
    heard.progress.handle(record(*args, **keywords))


def test_a_stage_that_ended_is_a_line_with_the_time_passed(heard, clock):
    """83 s are 1 minute and 23 seconds."""
    clock.now += 83.9
    hear(heard, "int8  26.5 KiB  (2.1 s)", "ended", "int8")

    assert heard.lines() == ["  1:23  int8  26.5 KiB  (2.1 s)"]


def test_a_stage_that_failed_is_a_line(heard):
    """Why, is said at the end of the run."""
    hear(heard, "prune2of4-qat failed", "failed", "prune2of4-qat")

    assert heard.lines() == ["  0:00  prune2of4-qat failed"]


@pytest.mark.parametrize("level", [logging.WARNING, logging.ERROR])
def test_a_warning_is_its_first_line(heard, level):
    """Prefect's own words on a try that failed go on with a trace."""
    hear(heard, "Task run failed: WorkerLost - Retry 1/2 will start in 2 seconds\nTraceback ...\n", level=level)

    assert heard.lines() == ["  0:00  warning: Task run failed: WorkerLost - Retry 1/2 will start in 2 seconds"]


def test_a_warning_without_words_does_not_stop_the_run(heard):
    """A handler that raises would."""
    hear(heard, "", level=logging.WARNING)
    hear(heard, "\nsecond line", level=logging.WARNING)

    assert [line.rstrip() for line in heard.lines()] == ["  0:00  warning:", "  0:00  warning: second line"]


def test_what_prefect_says_for_itself_is_not_shown(heard):
    """Neither that a task is in some state, nor the exception with which the flow ends: the command line says that without a trace."""
    error = ValueError("no variant fits")
    trace = (ValueError, error, None)

    hear(heard, "Created task run 'convert-0' for task 'convert'")
    hear(heard, "Finished in state Completed()", name=FLOW)
    hear(heard, "Finished in state Failed('Flow run encountered an exception: ...')", name=FLOW, level=logging.ERROR)
    hear(heard, "Finished in state Failed('Task run encountered an exception ...')", level=logging.ERROR)
    hear(heard, "Encountered exception during execution: NothingFits('...')", name=FLOW, level=logging.ERROR, trace=trace)

    assert heard.lines() == []


def test_the_trace_of_a_task_is_told_as_a_warning(heard):
    """Only that of the flow is said again at the end."""
    hear(heard, "Task run failed with exception", level=logging.ERROR, trace=(ValueError, ValueError(), None))

    assert heard.lines() == ["  0:00  warning: Task run failed with exception"]


def test_without_a_terminal_a_stage_that_works_is_heard_of_every_quarter_of_a_minute(heard, clock):
    """At 0, 10 and 15 s nothing; at 16 a line; then nothing until more than 15 s after it, at 32."""
    hear(heard, "train", "began", "train")
    for second in (0, 10, 15, 16, 20, 31, 32):
        clock.now = 1000.0 + second
        hear(heard, f"train: epoch {second}", "told", "train")

    assert heard.lines() == ["  0:16  train: epoch 16", "  0:32  train: epoch 32"]


def test_each_stage_has_its_own_quarter_of_a_minute(heard, clock):
    """Another that was heard of just now does not silence this one."""
    hear(heard, "train: epoch 1", "told", "train")
    clock.now += 16
    hear(heard, "qat: epoch 1", "told", "qat")
    hear(heard, "train: epoch 9", "told", "train")

    assert heard.lines() == ["  0:16  train: epoch 9"]


def test_words_are_shown_as_they_are(heard):
    """No brackets read as markup, no line broken to fit 80 columns."""
    text = "[bold]int8[/bold] drop [-0.019, 0.005] " + "x" * 100
    hear(heard, text, "ended", "int8")

    assert heard.lines() == [f"  0:00  {text}"]


def test_without_a_terminal_what_is_said_is_a_line(heard):
    """Such as that Prefect is started."""
    heard.progress.say("starting Prefect")

    assert heard.lines() == ["  0:00  starting Prefect"]


def test_it_hears_of_stages_and_of_the_flow_while_it_listens_and_no_longer(heard):
    """Through the loggers that Prefect gives to flow runs and task runs."""
    loggers = [logging.getLogger(name) for name in (FLOW, STAGES)]
    extra = {"emberflow_event": "ended", "emberflow_stage": "int8"}
    with heard.progress:
        for logger in loggers:
            logger.warning("before", extra=extra)
        heard.progress.listen()
        for logger in loggers:
            logger.warning("while", extra=extra)
    for logger in loggers:
        logger.warning("after", extra=extra)

    assert heard.lines() == ["  0:00  while", "  0:00  while"]
    assert not any(heard.progress in logger.handlers for logger in loggers)


def test_on_a_terminal_all_stages_that_work_stand_in_one_line():
    """Lines of what ended stand above it; a stage that ended is in it no more."""
    output = io.StringIO()
    with Progress(Console(file=output, force_terminal=True, width=100, color_system=None)) as shown:
        shown.handle(record("train: epoch 1 of 8", "told", "train"))
        shown.handle(record("int8: converting", "told", "int8"))
        shown.handle(record("qat: epoch 1 of 2", "told", "qat"))
        shown.handle(record("train: epoch 3 of 8", "told", "train"))
        shown.handle(record("int8  26.5 KiB", "ended", "int8"))

    lines = [line for line in output.getvalue().splitlines() if line.strip("\x1b[0123456789ABCDEFGHIJKhl?; \r")]
    assert any(line.endswith("  0:00  int8  26.5 KiB") for line in lines)
    assert lines[-1].endswith("train: epoch 3 of 8   qat: epoch 1 of 2")


def test_leaving_it_twice_does_no_harm(heard):
    """The command line leaves it early to print the table of a run in which nothing fits."""
    with heard.progress as shown:
        shown.__exit__()

    assert heard.lines() == []
