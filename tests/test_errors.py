"""The tree of errors: drawn as it is, and able to cross a process boundary."""

import pickle
import re

import pytest

from emberflow import errors
from emberflow.errors import EmberflowError, PassingError, ProjectError, RecipeError, StageTimeout, did_you_mean

ALL = [found for found in vars(errors).values() if isinstance(found, type) and issubclass(found, EmberflowError)]


def drawn() -> dict[str, str]:
    """Child to parent, from the tree in the module's docstring: four columns are one level."""
    above, parents = ["EmberflowError"], {}
    for line in re.findall(r"^ {4}([│ ]*[├└]── \w+)", errors.__doc__, re.MULTILINE):
        level, name = line.index("─") // 4 + 1, line.split()[-1]
        above = [*above[:level], name]
        parents[name] = above[level - 1]
    return parents


def test_docstring_draws_the_tree_as_it_is():
    """Every class stands in it, under its first base."""

    expected = {error.__name__: error.__bases__[0].__name__ for error in ALL if error is not EmberflowError}
    assert expected == drawn()


@pytest.mark.parametrize("error", ALL)
def test_error_survives_a_process_boundary(error):
    """Its kind and its message are the same after pickling."""
    received = pickle.loads(pickle.dumps(error("received 3; expected 4")))  # noqa: S301 - our own bytes

    assert error is type(received)
    assert str(received) == "received 3; expected 4"


def test_project_errors_reach_the_user_through_a_validator():
    """Pydantic keeps a ValueError with its key; others it lets fly."""

    assert issubclass(RecipeError, ProjectError)
    assert issubclass(ProjectError, ValueError)


def test_time_limit_is_a_timeout_that_is_not_tried_again():
    """What hung for hours would hang for hours again."""

    assert not issubclass(StageTimeout, PassingError)
    assert issubclass(StageTimeout, TimeoutError)


@pytest.mark.parametrize(
    ("received", "hint"),
    [
        ("int9", " Did you mean 'int8'?"),
        ("flaot32", " Did you mean 'float32'?"),
        ("int8", " Did you mean 'int8'?"),
        ("zebra", ""),
        ("", ""),
    ],
)
def test_nearest_name_is_the_hint(received, hint):
    """One name, the nearest; nothing when none is near."""

    assert hint == did_you_mean(received, iter(["int8", "uint8", "float32"]))


def test_no_names_no_hint():
    """As in an empty folder."""

    assert did_you_mean("int8", []) == ""


def test_a_message_shows_what_a_terminal_would_obey():
    """Signs that clear the screen, ring, or turn the direction of writing; letters of any language and ends of lines stay."""
    assert r"label '\x1b[2J\x07\u202e' größer" + "\nnext" == str(ProjectError("label '\x1b[2J\x07\u202e' größer\nnext"))
