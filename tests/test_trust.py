"""What a user trusts, as values; and where the classes come from."""

from pathlib import Path

import pytest

from emberflow.errors import ProjectError
from emberflow.trust import NOBODY, OwnClasses, Trust, check_said


def own(folder: Path, source: str, entry: str = "things_of_mine:FOUND") -> OwnClasses:
    (folder / "things_of_mine.py").write_text(source)
    return OwnClasses.at(entry, folder)


@pytest.mark.parametrize("source", ["class A: ...\nFOUND = {'p>A': A}", "class A: ...\ndef FOUND(): return {'p>A': A}"])
def test_classes_come_from_a_mapping_or_a_function(tmp_path, source):
    """By their registered names; the project's folder is looked in first."""
    assert ["p>A"] == list(own(tmp_path, source).objects())


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("FOUND = 3", "received a int from 'things_of_mine:FOUND' as custom objects; expected a mapping of their names in the file to classes or"),
        ("FOUND = {}", "received {} from"),
        ("FOUND = {'A': 3}", "received {'A': 3} from"),
        ("FOUND = {1: print}", "received {1: "),
        ("class FOUND: ...", "received a type from"),
        ("FOUND = {'Dense': print, 'relu6': print}", "'things_of_mine:FOUND' gives another Dense, which is Keras's own; expected names of your own"),
        ("def FOUND(): return 1 / 0", "'things_of_mine:FOUND' raised ZeroDivisionError: division by zero (things_of_mine.py, line 1)"),
        ("FOUNT = {}", "'things_of_mine' has no function 'FOUND'. Did you mean 'FOUNT'?"),
        ("1 / 0", "importing 'things_of_mine' raised ZeroDivisionError"),
    ],
)
def test_what_gives_none_is_told(tmp_path, source, told):
    """With the entry and what it gave."""
    with pytest.raises(ProjectError) as caught:
        own(tmp_path, source).objects()

    assert told in str(caught.value)


def test_another_source_is_another_value(tmp_path):
    """Stages that were carried out with the old one are carried out again; where the project lies doesn't matter."""
    one, other = own(tmp_path, "FOUND = {'A': print}"), own(tmp_path, "FOUND = {'A': repr}")
    (tmp_path / "b").mkdir()

    assert repr(one) != repr(other)
    assert repr(other) == repr(own(tmp_path / "b", "FOUND = {'A': repr}"))


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            (False, "a:b"),
            "received custom_objects 'a:b' without trust; your classes are given whatever the file says: if you trust whoever made it, say so with"
            " `trust_model_code: true`, or --trust-model-code",
        ),
        ((True, "a.b"), "received custom_objects 'a.b'; expected module:function, or module:mapping"),
    ],
)
def test_classes_need_trust_and_an_entry(said, told):
    """On the command line as in a project."""
    with pytest.raises(ProjectError) as caught:
        check_said(*said)

    assert told == str(caught.value)


def test_trust_is_said_once(tmp_path):
    """For both, or for nobody."""
    assert Trust() == NOBODY == Trust.of(False, None, tmp_path)
    assert "a:b" == Trust.of(True, "a:b", tmp_path).own.entry
    assert Trust(runs_code=True) == Trust.of(True, None, tmp_path)
