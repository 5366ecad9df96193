"""What goes to stderr: words, or a line an event where lines are asked for."""

import json
import logging
import os

import pytest

from emberflow.cli.lines import complain, complain_of_exception, log_as, log_form


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """This process's environment, of which a copy is changed."""
    mine = {name: value for name, value in os.environ.items() if name != "EMBERFLOW_LOG"}
    monkeypatch.setattr("os.environ", mine)
    return mine


def test_without_a_form_nothing_is_changed(environment):
    """Nor is an unknown one in the environment obeyed; the command line refuses it."""
    before = dict(environment)
    log_as(None)

    assert environment == before
    assert log_form() is None


def test_a_form_is_handed_on_to_prefect_and_to_children(environment):
    """By the variables that Prefect's own configuration of logging takes."""
    log_as("json")

    assert log_form() == "json"
    assert environment["MLFLOW_CONFIGURE_LOGGING"] == "false"
    assert {name: value for name, value in environment.items() if name.startswith("PREFECT_LOGGING_")} == {
        "PREFECT_LOGGING_HANDLERS_CONSOLE_CLASS": "emberflow.log.Lines",
        "PREFECT_LOGGING_HANDLERS_CONSOLE_FORMATTER": "json",
        "PREFECT_LOGGING_FORMATTERS_JSON_CLASS": "emberflow.log.OneLine",
        "PREFECT_LOGGING_FORMATTERS_JSON_FORMAT": "json",
    }


def test_an_error_is_told_in_words(capsys):
    """As ever."""
    complain("no variant fits")

    assert capsys.readouterr().err == "\nemberflow: no variant fits\n"


def test_where_lines_are_asked_for_an_error_is_one(capsys):
    """Of its level."""
    log_as("json")
    complain("2 of 3 recipes failed", logging.WARNING)

    (line,) = capsys.readouterr().err.splitlines()
    assert (json.loads(line)["level"], json.loads(line)["message"]) == ("warning", "2 of 3 recipes failed")


def test_an_exception_that_nobody_caught_is_one_line_with_its_trace(capsys):
    """Else it is as Python tells it."""

    def fail():
        with pytest.raises(ZeroDivisionError) as caught:
            raise ZeroDivisionError("by zero")
        complain_of_exception(caught.type, caught.value, caught.tb)
        return capsys.readouterr().err

    assert fail().startswith("Traceback (most recent call last):\n")
    log_as("json")
    (line,) = fail().splitlines()
    told = json.loads(line)
    assert (told["level"], told["message"]) == ("critical", "ZeroDivisionError: by zero")
    assert told["trace"].endswith("ZeroDivisionError: by zero")
