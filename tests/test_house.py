"""The walls and habits of the house: who may import whom, what no file may hold, and that every module has its tests."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
ROOMS = ("src", "tasks", "flows", "deployments", "mlflow", "examples", "benchmarks", "docs", "tests", ".ci")
BINARY = {".npy", ".npz", ".h5", ".keras", ".tflite", ".png", ".gif", ".jpg", ".woff2"}

# built from parts, so that this file does not hold what it looks for
FORBIDDEN = {
    "a package registry's host": re.compile("|".join(("pypi" + r"\.org", "python" + r"hosted\.org", "index" + "-url", "conda" + r"\.anaconda\.org"))),
    "a path of somebody's machine": re.compile("|".join((r"(?<![\w.-])/ro" + "ot/", "/tmp/" + "lab", r"(?<![\w.])/wo" + r"rk/(main|shared)\b"))),  # noqa: S108
}

UNTWINNED = {
    "adapters/tracking_address.py": "test_tracking.py reads every message of it",
    "adapters/tracking_client.py": "test_tracking.py runs it on a real MLflow store",
    "adapters/tracking_figures.py": "test_tracking.py reads back what it says",
    "adapters/tracking_notes.py": "test_tracking.py reads back what it says",
    "canvas.py": "the frame of test_plot.py's drawings",
}


def text_files():
    """All files of the house but what runs and tools leave behind."""
    inside = (path for room in ROOMS for path in (ROOT / room).rglob("*"))
    files = [path for path in (*ROOT.iterdir(), *inside) if path.is_file() and path.suffix not in BINARY]
    left = {"__pycache__", ".emberflow", ".git"}  # in a second worktree, .git is a file that names a folder
    return [path for path in files if not left & set(path.relative_to(ROOT).parts) and path.suffix != ".pyc"]


def offences(text):
    """What of FORBIDDEN is in a text."""
    return [name for name, pattern in FORBIDDEN.items() if pattern.search(text)]


def faults_of(lock):
    """What is wrong with the text of a lock: addresses, and requirements that are not pinned to a version and to hashes."""
    faults = [f"holds {word}" for word in ("http:", "https:", "index" + "-url", "find-links", " @ ", "trusted-host") if word in lock]
    for requirement in re.split(r"\n(?=[\w-])", re.sub(r"^\s*#.*\n?", "", lock, flags=re.MULTILINE)):
        name = re.split(r"[^\w.-]", requirement, maxsplit=1)[0]
        if not re.match(r"[\w.-]+(\[[\w,-]+\])?==[\w.!+-]+( ;| \\|$)", requirement):
            faults.append(f"{name} is not pinned")
        if not re.search(r"--hash=sha256:[0-9a-f]{64}\b", requirement):
            faults.append(f"{name} has no hash")
    return faults


def lint_imports(folder, monkeypatch=None):
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    if monkeypatch:
        monkeypatch.setenv("PYTHONPATH", f"{folder / 'src'}:{folder}")
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_imports_go_one_way():
    """As the contracts in pyproject.toml say."""
    answer = lint_imports(ROOT)

    assert answer.returncode == 0, answer.stdout
    assert "Contracts: 4 kept, 0 broken." in answer.stdout


def test_each_contract_complains_of_what_it_forbids(tmp_path, monkeypatch):
    """A copy of the house, with one wrong import for each of the four."""
    for room in ("src", "tasks", "flows", "deployments"):
        shutil.copytree(ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for module, line in {
        "tasks/convert.py": "import flows.settings",
        "src/emberflow/budget.py": "import mlflow",
        "flows/settings.py": "import numpy",
        "src/emberflow/adapters/store.py": "import prefect",
    }.items():
        with (tmp_path / module).open("a", encoding="utf-8") as file:
            file.write(f"\n{line}\n")

    answer = lint_imports(tmp_path, monkeypatch)

    assert answer.returncode == 1
    assert "Contracts: 0 kept, 4 broken." in answer.stdout


def test_the_lock_pins_everything_and_names_no_address():
    """Where packages come from is the business of who installs them."""
    assert faults_of((ROOT / "requirements.lock").read_text(encoding="utf-8")) == []


HASH = "--hash=sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("lock", "faults"),
    [
        (f"numpy==2.4.6 \\\n    {HASH}\n", []),
        (f"numpy==2.4.6 ; python_version < '3.12' \\\n    {HASH} \\\n    {HASH}\n    # via\n    #   keras\n", []),
        (f"numpy>=2.4 \\\n    {HASH}\n", ["numpy is not pinned"]),
        ("numpy==2.4.6\n", ["numpy has no hash"]),
        (f"numpy==2.4.6 \\\n    {HASH}\nrich==15.0.0\n    # via prefect\n", ["rich has no hash"]),
        (f"numpy==2.4.6 \\\n    {HASH[:-1]}\n", ["numpy has no hash"]),
        (f"numpy @ https://example.com/numpy.whl \\\n    {HASH}\n", ["holds https:", "holds  @ ", "numpy is not pinned"]),
    ],
)
def test_a_lock_with_a_gap_is_complained_of(lock, faults):
    """Seven locks, as short as can be."""
    assert faults_of(lock) == faults


def test_the_lock_holds_what_the_project_asks_for():
    """Every requirement of pyproject.toml, in a version that fits; a forgotten `make lock` shows here."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    locked = dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / "requirements.lock").read_text(encoding="utf-8"), flags=re.MULTILINE))

    asked = [Requirement(line) for line in (*project["dependencies"], *project["optional-dependencies"]["dev"])]
    assert [str(one) for one in asked if not one.specifier.contains(locked.get(one.name.lower(), "0"), prereleases=True)] == []
    assert [one.name for one in asked if one.name.lower() not in locked] == []


def test_no_file_names_a_registry_or_a_path_of_somebodys_machine():
    """It would work on that machine only."""
    found = {str(path.relative_to(ROOT)): offences(path.read_text(encoding="utf-8")) for path in text_files()}

    assert {name: what for name, what in found.items() if what} == {}


def test_the_files_that_are_looked_at_are_those_of_the_house():
    """A search through nothing finds nothing."""
    names = {str(path.relative_to(ROOT)) for path in text_files()}

    assert {"README.md", "Makefile", "requirements.lock", ".ci/run", "mlflow/README.md", "src/emberflow/targets/rp2040.toml"} <= names
    assert str(Path(__file__).relative_to(ROOT)) in names
    assert not any(name.startswith((".venv/", ".git/")) for name in names)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("pip install -i https://" + "pypi" + ".org/simple", "a package registry's host"),
        ("https://files.python" + "hosted.org/packages", "a package registry's host"),
        ("--extra-index" + "-url here", "a package registry's host"),
        ("home: /ro" + "ot/data", "a path of somebody's machine"),
        ("see /tmp/" + "lab/notes", "a path of somebody's machine"),
        ("'/wo" + "rk/main/src'", "a path of somebody's machine"),
    ],
)
def test_such_a_name_is_complained_of(text, what):
    """Each of the six."""
    assert offences(text) == [what]


@pytest.mark.parametrize("text", ["packages from PyPI", "/tmp/a", "src/root/x", "HOME=/root", "sqlite:////home/me/mlflow.db", "team/work/main.py"])  # noqa: S108
def test_what_only_looks_like_one_is_not(text):
    """Words, and paths that are examples."""
    assert offences(text) == []


def test_the_folder_mlflow_holds_no_python():
    """A package of that name would hide MLflow itself, for Prefect puts the root on the path."""
    assert list((ROOT / "mlflow").rglob("*.py")) == []
    assert (ROOT / "mlflow").is_dir()


def test_test_folders_are_no_packages():
    """tests/flows as a package would hide the real one."""
    assert list((ROOT / "tests").rglob("__init__.py")) == []


def modules():
    return [str(path.relative_to(ROOT / "src/emberflow")) for path in (ROOT / "src/emberflow").rglob("*.py") if path.name != "__init__.py"]


def has_twin(module):
    """Whether tests/a/test_b.py is there for a/b.py."""
    path = ROOT / "tests" / module
    return path.with_name(f"test_{path.name}").is_file()


def test_every_module_has_its_tests():
    """tests/a/test_b.py for src/emberflow/a/b.py."""
    assert [module for module in sorted(modules()) if module not in UNTWINNED and not has_twin(module)] == []


def test_every_exception_is_still_one():
    """A module that is gone, or has its tests by now, needs no excuse."""
    assert [module for module in UNTWINNED if module not in modules() or has_twin(module)] == []
