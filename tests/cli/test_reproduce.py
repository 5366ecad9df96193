"""`emberflow reproduce`: what is told before anything is started, and the programs of two bundles. The run itself is tests/flows/test_reproduce.py."""

import shutil
from types import SimpleNamespace

import pytest

from emberflow.cli import reproduce
from emberflow.cli.reproduce import as_run, compare_images, reproduce_bundle
from emberflow.errors import BundleError, ProjectError, ToolchainError
from emberflow.export import read_export
from emberflow.project import parse_project
from tests.adapters.a_network import network
from tests.adapters.a_registry import make_bundle

THEN = parse_project("{name: watch, baseline: 'w:build', data: 'w:load', target: stm32f405, recipes: [int8], budget: {flash: 96 KiB}}")


def test_a_folder_that_is_no_bundle_is_refused(tmp_path):
    """And a bundle that doesn't say what it was made from."""
    with pytest.raises(BundleError, match=r"manifest\.json, which can't be read"):
        reproduce_bundle(tmp_path, tmp_path / "emberflow.yaml", anyway=False)

    make_bundle(tmp_path / "bundle", network())
    with pytest.raises(BundleError, match=r"a bundle without emberflow\.yaml"):
        reproduce_bundle(tmp_path / "bundle", tmp_path / "emberflow.yaml", anyway=False)


def test_what_a_run_was_given_on_the_command_line_is_no_difference():
    """Recipes, target and budget are the bundle's; the rest is the file's."""
    file = parse_project("{name: watch, baseline: 'w:build', data: 'w:load', target: stm32f103, recipes: all, standardize: false}")

    assert THEN.model_copy(update={"standardize": False}) == as_run(file, THEN)


def test_obstacles_stop_it(tmp_path, monkeypatch):
    """All of them in one message, with the way on."""
    (tmp_path / "emberflow.yaml").write_text("{name: watch, baseline: 'w:build', data: 'w:load', target: stm32f103}")
    monkeypatch.setattr(reproduce, "read_given", lambda folder: SimpleNamespace(project=THEN))
    monkeypatch.setattr(reproduce, "obstacles", lambda given, project: ["code: another", "version: numpy is 2, was 1"])

    with pytest.raises(BundleError) as raised:
        reproduce_bundle(tmp_path, tmp_path / "emberflow.yaml", anyway=False)
    expected = "can't expect the same bytes; give --anyway to build it all the same:\n  code: another\n  version: numpy is 2, was 1"
    assert expected == str(raised.value)

    with pytest.raises(ProjectError, match=r"can't read the project file"):
        reproduce_bundle(tmp_path, tmp_path / "missing.yaml", anyway=False)


def test_the_programs_of_two_folders_are_compared(compiled, tmp_path, monkeypatch):
    """As they are loaded; a comment changes nothing, a weight does; without a compiler it is told."""
    target, manifest = read_export(compiled).target, SimpleNamespace(files={"firmware/model/small.c": None})
    other = tmp_path / "other"
    shutil.copytree(compiled, other)
    source = other / "firmware/model/small.c"
    source.write_text("/* a comment */" + source.read_text())
    assert "" == compare_images(manifest, compiled, other, target)[0].differs

    text = source.read_text()
    place = text.index("{", text.index("conv_2d_0_weights")) + 6
    source.write_text(text[:place] + "1" + text[place:])
    (finding,) = compare_images(manifest, compiled, other, target)
    assert finding.differs.startswith("firmware image: ")
    assert finding.differs.endswith(" of the new one's")

    def fail(*_):
        raise ToolchainError("found no C compiler for chips: get it")

    monkeypatch.setattr(reproduce, "_image", fail)
    assert "firmware image: not built: found no C compiler for chips: get it" == compare_images(manifest, compiled, other, target)[0].differs
    assert [] == compare_images(SimpleNamespace(files={}), compiled, other, target)
