"""The doctor finds what is missing and says how to get it."""

import io
import os
import subprocess
import sys
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
from rich.console import Console

from emberflow.cli import doctor as doctor_module
from emberflow.cli.doctor import Finding, examine, look_at_chip_packages, look_at_disk, look_at_packages, look_at_tools, tell

WELL = Finding("Python", "3.11.2")
MISSING = Finding("numpy", "missing", "run `make setup`")
WISHED = Finding("cc", "missing", "apt-get install gcc", is_needed=False)


def told(*findings):
    """The exit code and what is printed."""
    output = io.StringIO()
    code = tell(list(findings), Console(file=output, width=120))
    return code, output.getvalue()


def emberflow(*words, **environment):
    command = [str(Path(sys.executable).with_name("emberflow")), *words]
    return subprocess.run(command, env={**os.environ, "COLUMNS": "160", **environment}, capture_output=True, text=True, check=False)


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


def test_a_requirement_that_is_met_is_well():
    """Here by the packages that run this test."""
    assert list(look_at_packages(["pytest>=7"])) == [Finding("pytest", version("pytest"))]


def test_a_package_that_is_missing_is_told_with_what_installs_it():
    """By the name of the requirement."""
    assert list(look_at_packages(["emberflow-no-such-package>=1"])) == [
        Finding("emberflow-no-such-package", "missing", "run `make setup`: it installs what requirements.lock says")
    ]


def test_a_package_of_another_version_is_told_with_what_was_expected():
    """Nobody has pytest 0.1."""
    assert list(look_at_packages(["pytest==0.1"])) == [Finding("pytest", version("pytest"), "expected ==0.1; run `make setup`")]


def test_a_pre_release_may_meet_a_requirement():
    """tflite-micro is published as 0.dev20261023182759 and the like; `>=0.dev1` is met by it, though the specifier alone would say no."""
    assert [finding.is_well for finding in look_at_packages(["tflite-micro>=0.dev1"])] == [True]


@pytest.mark.parametrize("line", ["emberflow-no-such-package; extra == 'dev'", "emberflow-no-such-package; python_version < '3'"])
def test_a_requirement_for_somebody_else_is_not_looked_at(line):
    """What only development or another Python needs."""
    assert list(look_at_packages([line])) == []


def test_a_home_folder_that_does_not_exist_lies_on_the_disk_of_the_nearest_that_does(tmp_path):
    """And is not made by looking."""
    finding = look_at_disk(tmp_path / "a" / "b")

    assert finding.what == "disk"
    assert finding.found.endswith(f" free at {tmp_path}")
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_too_full_is_told(tmp_path, monkeypatch):
    """No disk has 1 EiB free, which is 2^60 B = 1,073,741,824 GiB."""
    monkeypatch.setattr(doctor_module, "_NEEDED_DISK_BYTES", 2**60)

    assert look_at_disk(tmp_path).remedy == "free 1073741824 GiB"


@contextmanager
def as_nobody():
    """Where root runs the tests, it gives its rights away for as long."""
    is_root = os.getuid() == 0
    if is_root:
        os.setresuid(65534, 65534, 0)
    try:
        yield
    finally:
        if is_root:
            os.setresuid(0, 0, 0)


def test_a_folder_that_may_not_be_written_to_is_told():
    """Only root may write to the top of the file system."""
    with as_nobody():
        finding = look_at_disk(Path("/emberflow/home"))

    assert finding == Finding("home folder", "/emberflow/home", "'/' can't be written to; give --home another folder")


def test_the_chips_packages_are_found_or_told_how_to_get(monkeypatch):
    """They are the extra called chip, which no run needs."""
    assert ["ziglang", "unicorn"] == [finding.what for finding in look_at_chip_packages()]

    def missing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(doctor_module, "version", missing)
    assert [
        Finding("ziglang", "missing", "builds firmware for every target: pip install 'emberflow[chip]'", is_needed=False),
        Finding("unicorn", "missing", "runs firmware on an emulated core: pip install 'emberflow[chip]'", is_needed=False),
    ] == list(look_at_chip_packages())


def test_programs_are_found_or_told_how_to_get(monkeypatch):
    """By the name of their package on Debian."""
    monkeypatch.setattr(doctor_module.shutil, "which", lambda name: f"/usr/bin/{name}" if name == "cc" else None)
    gcc, qemu, cc = look_at_tools()

    assert cc == Finding("cc", "/usr/bin/cc", is_needed=False)
    assert qemu.remedy == "a second emulator, which confirms the first one's figures; on Debian: apt-get install qemu-system-arm"
    assert gcc.remedy.endswith("; on Debian: apt-get install gcc-arm-none-eabi")


def test_this_machine_is_well(tmp_path, capsys):
    """All tests need what a run needs; each requirement has a line."""
    assert examine(tmp_path) == 0

    printed = capsys.readouterr().out
    assert all(name in printed for name in ("Python", "cores", "memory", "disk", "mlflow", "prefect", "tensorflow", "tflite-micro"))
    assert "Everything that is needed is here." in printed


def test_the_command_ends_with_0_when_all_is_well(tmp_path):
    """In a process of its own."""
    answer = emberflow("doctor", "--home", str(tmp_path))

    assert (answer.returncode, answer.stderr) == (0, "")
    assert "Everything that is needed is here." in answer.stdout


def test_the_command_ends_with_1_when_a_requirement_is_missing(tmp_path):
    """Here an Emberflow that needs one package more is found first."""
    described = tmp_path / "emberflow-99.dist-info" / "METADATA"
    described.parent.mkdir()
    described.write_text("Metadata-Version: 2.1\nName: emberflow\nVersion: 99\nRequires-Dist: emberflow-no-such-package>=1\n", encoding="utf-8")

    answer = emberflow("doctor", "--home", str(tmp_path), PYTHONPATH=str(tmp_path))

    assert answer.returncode == 1
    assert "emberflow-no-such-package  missing" in answer.stdout
    assert "1 of these must be mended before `emberflow run` can work." in answer.stdout
