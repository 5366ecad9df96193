"""What goes to stderr: words for who sits there, or a line an event where EMBERFLOW_LOG or --log asks for lines. Sets variables; logs nothing itself."""

import logging
import os
import sys
from types import TracebackType

from emberflow.log import Form, OneLine, line_of

LOG = "EMBERFLOW_LOG"
_FORMS: dict[str | None, Form] = {"text": "text", "json": "json"}


def log_as(form: Form | None) -> None:
    """Have this process, and those that it starts, write what they log as lines of `form`; to be called before Prefect is imported.

    Every entry of Prefect's configuration of logging may be set by a variable of its name.
    """
    if form:
        os.environ[LOG] = form
        os.environ["PREFECT_LOGGING_HANDLERS_CONSOLE_CLASS"] = "emberflow.log.Lines"
        os.environ["PREFECT_LOGGING_HANDLERS_CONSOLE_FORMATTER"] = "json"
        os.environ["PREFECT_LOGGING_FORMATTERS_JSON_CLASS"] = "emberflow.log.OneLine"
        os.environ["PREFECT_LOGGING_FORMATTERS_JSON_FORMAT"] = form
        os.environ["MLFLOW_CONFIGURE_LOGGING"] = "false"  # else its loggers have a handler of their own, besides


def log_form() -> Form | None:
    """As what lines are logged; None where there are none."""
    return _FORMS.get(os.environ.get(LOG))


def complain(words: str, level: int = logging.ERROR) -> None:
    """Tell of an error, or of less."""
    form = log_form()
    sys.stderr.write(f"{line_of(form, level, words)}\n" if form else f"\nemberflow: {words}\n")


def complain_of_exception(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Python's own word on an exception that nobody caught; a line where lines are asked for."""
    form = log_form()
    if form is None or not issubclass(kind, Exception):
        sys.__excepthook__(kind, error, trace)
        return
    record = logging.LogRecord("emberflow", logging.CRITICAL, "", 0, "%s: %s", (kind.__name__, error), (kind, error, trace))
    sys.stderr.write(f"{OneLine(form).format(record)}\n")
