"""Mutants of project files and of archives of arrays: each is taken or refused in words, and none takes the process with it.

More of them: EMBERFLOW_FILE_MUTANTS=20000 (docs/how-to/hunt-with-mutants.md).
"""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from emberflow.errors import ProjectError
from emberflow.project import parse_project
from tests.fuzz import file_mutants
from tests.fuzz.file_mutants import judge_npz, judge_yaml, npz_mutant, yaml_mutant, yaml_seeds

ROOT = Path(__file__).parents[2]
FEW = 200
MANY = int(os.environ.get("EMBERFLOW_FILE_MUTANTS", "3000"))


def hunt(kind: str, first: int, count: int) -> Counter[str]:
    """How many of the mutants had which verdict; the process that reads them must live to the end, and find nothing wrong."""
    command = [sys.executable, "-m", "tests.fuzz.file_mutants", kind, str(first), str(count)]
    paths = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=os.environ | {"PYTHONPATH": paths})
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line for line in lines if line[1] == "wrong"] == []
    assert done.returncode == 0, f"the process ended with code {done.returncode} in {lines[-1:]}: {done.stderr[-2000:]}"
    return Counter(verdict for _, verdict, _ in lines if verdict != "begun")


@pytest.mark.parametrize("kind", ["yaml", "npz"])
def test_some_files_are_taken_or_refused(kind: str) -> None:
    """Within 10 s and 2 GiB each; both happen, or the hunt would find nothing."""
    verdicts = hunt(kind, 0, FEW)

    assert verdicts.total() == FEW
    assert min(verdicts["taken"], verdicts["refused"]) > FEW // 25


@pytest.mark.long
@pytest.mark.parametrize("kind", ["yaml", "npz"])
def test_many_files_are_taken_or_refused(kind: str) -> None:
    """Others than those above."""
    assert hunt(kind, FEW, MANY).total() == MANY


def test_a_number_makes_always_the_same_file() -> None:
    """And another number another one."""
    assert [yaml_mutant(number) for number in range(50)] == [yaml_mutant(number) for number in range(50)]
    assert [npz_mutant(number) for number in range(20)] == [npz_mutant(number) for number in range(20)]
    assert len({yaml_mutant(number) for number in range(200)}) > 150


def test_seeds_are_good() -> None:
    """A mutant of a bad one tells nothing."""
    assert [judge_yaml(text) for text in yaml_seeds()] == [("taken", "")] * len(yaml_seeds())


def test_the_judge_complains(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of any other error, of messages that nobody can read, and of a project that reads back as another one."""
    monkeypatch.setattr(file_mutants, "read_files", lambda *_: {}["x"])
    with pytest.raises(KeyError):
        judge_npz(b"")

    monkeypatch.setattr(file_mutants, "render_project", lambda project: yaml_seeds()[0].replace("rich", "poor"))
    assert judge_yaml(yaml_seeds()[0])[0] == "wrong"

    def say_too_much(text: str) -> None:
        raise ProjectError(text * 10)

    monkeypatch.setattr(file_mutants, "parse_project", say_too_much)
    assert judge_yaml("x" * 9000) == ("wrong", "x" * 300)
    assert judge_yaml("") == ("wrong", "")


@pytest.mark.parametrize("number", range(2))
def test_a_bomb_is_refused_before_it_is_built(number: int) -> None:
    """9 to the power of 12 values, by alias and by merge."""
    with pytest.raises(ProjectError, match=r"holds more than 10,000 values once its anchors are unfolded"):
        parse_project(f"{yaml_seeds()[0]}\ndeep: {file_mutants._bomb(number)}")
