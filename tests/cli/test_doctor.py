"""The doctor finds what is missing and says how to get it."""

import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from emberflow.cli import doctor as doctor_module
from emberflow.cli.doctor import (
    examine,
    key_of,
    look_at_chip_packages,
    look_at_disk,
    look_at_packages,
    look_at_servers,
    look_at_stack,
    look_at_temporary_folder,
    look_at_tools,
)
from emberflow.cli.finding import Finding
from emberflow.cli.stack import MARK, Member, Stack, write_stack


def emberflow(*words, **environment):
    command = [str(Path(sys.executable).with_name("emberflow")), *words]
    return subprocess.run(command, env={**os.environ, "COLUMNS": "160", **environment}, capture_output=True, text=True, check=False)


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


def test_too_little_room_for_temporary_files_is_told(monkeypatch):
    """No disk has 1 EiB free; where the folder is, the environment says."""
    monkeypatch.setattr(doctor_module, "_NEEDED_TEMPORARY_BYTES", 2**60)

    finding = look_at_temporary_folder()
    assert finding.found.endswith(f" free at {tempfile.gettempdir()}")
    assert finding.remedy == "expected 1073741824 GiB; free some, or set TMPDIR to a folder that has as much"


def noted(home, *, versions=None, pid=None):
    """A stack as `emberflow up` notes it, of one process."""
    member = Member(name="Prefect", pid=pid or os.getpid(), log="prefect.log")
    stack = Stack(
        mark="nobody's",
        prefect="http://127.0.0.1:1",
        mlflow="http://127.0.0.1:2",
        pages={},
        is_secure=False,
        versions=versions or {},
        members=(member,),
    )
    write_stack(home, stack)


def test_a_note_of_servers_that_are_gone_is_told(tmp_path):
    """As after the machine was switched off; a run goes on without them."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    noted(tmp_path, pid=ended.pid)

    assert look_at_stack(tmp_path) == Finding(
        "servers", "all ended without `emberflow down`", "expected no note of them; clear it: emberflow down", is_needed=False
    )
    assert [finding.what for finding in look_at_servers(tmp_path)] == ["servers", "port of Prefect", "port of MLflow"]


def test_a_note_that_is_damaged_stops_a_run(tmp_path):
    """Which would read it; what to do is said by whoever reads it."""
    (tmp_path / "stack.json").write_text("{")

    assert list(look_at_servers(tmp_path)) == [
        Finding(
            "servers",
            f"'{tmp_path / 'stack.json'}' is damaged",
            "expected a note of what runs: end what still runs (its environment holds EMBERFLOW_STACK), then delete the file",
        )
    ]


def test_servers_of_other_versions_than_the_installed_ones_are_told(tmp_path):
    """They were started before an upgrade."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], env=os.environ | {MARK: "nobody's"})
    try:
        noted(tmp_path, versions={"prefect": "3.0.0", "mlflow": version("mlflow")}, pid=process.pid)
        found = list(look_at_servers(tmp_path))
    finally:
        process.kill()
        process.wait()

    assert found == [
        Finding(
            "servers",
            "started as prefect 3.0.0",
            f"expected prefect {version('prefect')}, as installed: emberflow down, then emberflow up",
            is_needed=False,
        )
    ]


def test_the_key_is_the_environments_before_the_projects(tmp_path, monkeypatch):
    """As a run takes it; the project names it from its own folder."""
    (tmp_path / "emberflow.yaml").write_text("name: tiny\nbaseline: tiny:build\ndata: tiny:load\ntarget: stm32f405\nsigning_key: keys/my.key\n")
    monkeypatch.delenv("EMBERFLOW_SIGNING_KEY", raising=False)
    assert key_of(None) is None
    assert key_of(tmp_path / "emberflow.yaml") == tmp_path / "keys" / "my.key"

    monkeypatch.setenv("EMBERFLOW_SIGNING_KEY", str(tmp_path / "other.key"))
    assert key_of(tmp_path / "emberflow.yaml") == tmp_path / "other.key"


def test_the_command_answers_fast_and_without_tensorflow_prefect_or_mlflow(tmp_path):
    """Their imports take ten seconds; what it needs of them it reads from their files."""
    code = (
        "import sys; from pathlib import Path; from emberflow.cli.doctor import examine; examine(Path(sys.argv[1]));"
        " sys.exit(' '.join({'tensorflow', 'prefect', 'mlflow'} & set(sys.modules)) or 0)"
    )
    answer = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)

    assert (answer.returncode, answer.stderr) == (0, "")
