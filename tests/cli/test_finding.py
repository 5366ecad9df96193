"""The doctor's findings as they are printed: one line each, and an exit code."""

import io

from rich.console import Console

from emberflow.cli.finding import Finding, tell

WELL = Finding("Python", "3.11.2")
MISSING = Finding("numpy", "missing", "run `make setup`")
WISHED = Finding("cc", "missing", "apt-get install gcc", is_needed=False)


def told(*findings):
    """The exit code and what is printed."""
    output = io.StringIO()
    code = tell(list(findings), Console(file=output, width=120))
    return code, output.getvalue()


def test_a_machine_without_gaps_is_well():
    """Exit code 0 and a word."""
    code, text = told(WELL)

    assert code == 0
    assert [line.split() for line in text.splitlines()[1:2]] == [["ok", "Python", "3.11.2"]]
    assert text.endswith("Everything that is needed is here.\n")


def test_what_would_be_nice_does_not_fail():
    """It is marked, with the way to get it."""
    code, text = told(WELL, WISHED)

    assert code == 0
    assert "--  cc      missing  apt-get install gcc" in text
    assert text.endswith("Everything that is needed is here.\n")


def test_what_is_missing_fails_and_is_counted():
    """Two of four; the wish is none of them."""
    code, text = told(WELL, MISSING, WISHED, MISSING)

    assert code == 1
    assert "!!  numpy   missing  run `make setup`" in text
    assert text.endswith("2 of these must be mended before `emberflow run` can work.\n")


def test_each_finding_is_one_line_however_long(tmp_path):
    """A terminal of 120 columns breaks none of them, brackets are no markup, and the columns stay below one another."""
    long = Finding("permissions", f"'{tmp_path}/{'x' * 200}' can't be written to", "expected [yours]: sudo chown -R 1000 home", is_needed=False)
    code, text = told(WELL, long, WISHED)

    lines = text.splitlines()[1:4]
    assert code == 0
    assert lines[1] == f"--  permissions  {long.found}  {long.remedy}"
    assert [line.index(word) for line, word in ((lines[0], "3.11.2"), (lines[2], "missing"))] == [17, 17]
