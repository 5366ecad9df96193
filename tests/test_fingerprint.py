"""Digests of source: what changes them, and what doesn't."""

import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

import pytest

from emberflow import fingerprint
from emberflow.fingerprint import closure, of_entry, of_house, of_stage, versions

PROJECT = {
    "mine.py": "import json\nfrom helping import scale\n\n\ndef load():\n    from late import found\n    return scale(found)\n",
    "helping.py": "from pkg import inner\n\n\ndef scale(x):\n    return x\n",
    "late.py": "import pkg.deep.leaf as leaf\n\nfound = 1\n",
    "pkg/__init__.py": "",
    "pkg/inner.py": "from . import sibling\nfrom .deep.twig import x\n",
    "pkg/sibling.py": "import mine\n",
    "pkg/deep/__init__.py": "",
    "pkg/deep/leaf.py": "from .. import cousin\n",
    "pkg/deep/twig.py": "x = 1\n",
    "pkg/cousin.py": "",
    "pkg/stranger.py": "",
    "other.py": "import mine\n",
    "data.csv": "1,2\n",
}
UNRELATED = {"pkg/stranger.py", "other.py", "data.csv"}


@pytest.fixture
def folder(tmp_path):
    """A user's project: modules that import each other plainly, late, relatively and in a circle."""
    for name, source in PROJECT.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(source, encoding="utf-8")
    return tmp_path


def test_a_closure_is_what_is_imported_from_the_folder(folder):
    """Directly or not; the standard library isn't."""

    assert {folder / name for name in PROJECT.keys() - UNRELATED} == set(closure("mine", folder).values())
    assert closure("json", folder) == {}


@pytest.mark.parametrize("name", PROJECT)
def test_digest_changes_with_what_is_imported_and_with_nothing_else(name, folder):
    """Each file in turn."""
    before = of_entry("mine:load", folder)
    (folder / name).write_text(PROJECT[name] + "# changed\n", encoding="utf-8")

    assert (before == of_entry("mine:load", folder)) == (name in UNRELATED)


def test_digest_is_of_content_not_of_place(folder, tmp_path_factory):
    """Another checkout gives the same."""
    other = tmp_path_factory.mktemp("checkout") / "moved"
    folder.rename(other)
    expected = of_entry("mine:load", other)
    other.rename(folder)

    assert expected == of_entry("mine:load", folder)


def test_an_import_that_appears_counts(folder):
    """The stranger is imported now; its content counts from then on."""
    (folder / "mine.py").write_text("import pkg.stranger\n", encoding="utf-8")
    before = of_entry("mine:load", folder)
    (folder / "pkg" / "stranger.py").write_text("x = 1\n", encoding="utf-8")

    assert before != of_entry("mine:load", folder)


def test_imports_after_many_constants_count(folder):
    """Past 255 constants or names an instruction is preceded by EXTENDED_ARG."""
    many = "".join(f"v{i} = {i}.5\n" for i in range(300))
    (folder / "mine.py").write_text(f"{many}from pkg import stranger\n", encoding="utf-8")

    assert folder / "pkg" / "stranger.py" in closure("mine", folder).values()


@pytest.mark.parametrize("source", [b"def load(:\n", b"\0", b"# -*- coding: no-such -*-\n", b"\xff\xfe"])
def test_a_module_that_can_not_be_compiled_has_a_digest(source, folder):
    """Importing it will say what is wrong; until then its bytes count."""
    before = of_entry("mine:load", folder)
    (folder / "helping.py").write_bytes(source)

    assert before != of_entry("mine:load", folder)


def test_nothing_is_run(folder):
    """Source is read as text."""
    (folder / "mine.py").write_text("raise SystemExit\n", encoding="utf-8")

    assert len(of_entry("mine:load", folder)) == 64
    assert "mine" not in sys.modules


def test_an_installed_module_counts_by_its_own_file(tmp_path, monkeypatch):
    """Not by its package's __init__, nor by what else lies in the package."""
    package = tmp_path / "site" / "installed_pkg"
    package.mkdir(parents=True)
    for name in ("__init__", "loading", "stranger"):
        (package / f"{name}.py").write_text("def load(): pass\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))

    before = of_entry("installed_pkg.loading:load", tmp_path)
    (package / "stranger.py").write_text("changed = True\n", encoding="utf-8")
    assert before == of_entry("installed_pkg.loading:load", tmp_path)
    (package / "loading.py").write_text("changed = True\n", encoding="utf-8")
    assert before != of_entry("installed_pkg.loading:load", tmp_path)
    assert "installed_pkg.loading" not in sys.modules


@pytest.mark.parametrize("entry", ["no_such_module:load", "json.no_such:load", "sys:exit"])
def test_what_has_no_source_has_no_digest(entry, tmp_path):
    """Absent, or built into Python: finding the function says which."""

    assert of_entry(entry, tmp_path) == ""


def test_one_file_of_an_installed_package_is_found(tmp_path):
    """A module, a package, a module in a package."""

    assert len({of_entry(f"{name}:x", tmp_path) for name in ("colorsys", "json", "json.decoder")}) == 3


def test_eight_threads_get_one_answer(folder):
    """Prefect asks from as many; `ast` of Python 3.11 crashed there."""
    expected = of_entry("mine:load", folder)
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: of_entry("mine:load", folder), range(64)))
        stages = list(threads.map(lambda _: fingerprint._of_stage.__wrapped__("emberflow.stages.evaluate"), range(8)))

    assert {expected} == set(found)
    assert {of_stage("emberflow.stages.evaluate")} == set(stages)


def test_a_stage_is_looked_at_once_however_many_ask(monkeypatch):
    """The tasks of a run from the cache do, each in a thread of its own."""
    looks = []
    monkeypatch.setattr(fingerprint, "closure", lambda module, root: looks.append(module) or closure(module, root))
    fingerprint._of_stage.cache_clear()
    with ThreadPoolExecutor(8) as threads:
        found = set(threads.map(of_stage, ["emberflow.stages.evaluate"] * 8))

    assert (1, ["emberflow.stages.evaluate"]) == (len(found), looks)


def test_a_stage_counts_what_it_imports_of_emberflow():
    """Conversion knows nothing of plots; both know the errors."""
    root = Path(fingerprint.__file__).parent.parent
    convert, show = (closure(f"emberflow.{name}", root) for name in ("stages.convert", "plot"))

    assert {"emberflow.stages.convert", "emberflow.convert", "emberflow.errors"} <= convert.keys()
    assert "emberflow.plot" not in convert
    assert "emberflow.plot" in show
    assert len({of_stage(f"emberflow.{name}") for name in ("stages.convert", "plot", "errors")}) == 3


def test_what_lies_beside_the_modules_of_a_stage_counts(monkeypatch, tmp_path):
    """A kernel in C changes what the compiler writes; a template of the report, in the house's own folder, concerns no stage."""
    house = tmp_path / "emberflow"
    for place, text in {
        "__init__.py": "",
        "shown.html": "a",
        "rooms/__init__.py": "",
        "rooms/kernels/add.h": "a",
        "work.py": "import emberflow.rooms",
    }.items():
        (house / place).parent.mkdir(parents=True, exist_ok=True)
        (house / place).write_text(text)
    monkeypatch.setattr(fingerprint, "__file__", str(house / "fingerprint.py"))
    digests = [fingerprint._of_stage.__wrapped__("emberflow.work")]
    for place in ("shown.html", "rooms/kernels/add.h"):
        (house / place).write_text("b")
        digests.append(fingerprint._of_stage.__wrapped__("emberflow.work"))

    assert digests[0] == digests[1] != digests[2]


def test_house_and_versions_are_facts():
    """The same at each call; versions are those installed."""

    assert of_house() == of_house()
    assert versions()["numpy"] == version("numpy")
    assert set(versions()) <= set(fingerprint.DECISIVE)


def test_what_is_not_installed_has_no_version():
    """The report lists what there is."""
    assert {"numpy": version("numpy")} == versions(("numpy", "no-such-package"))
