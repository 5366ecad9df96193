"""Which Keras: the two are told apart, and what a library says is kept short."""

from types import ModuleType

import pytest

from emberflow.keras_bridge.which import is_keras_2, is_keras_3, keras, short

pytestmark = pytest.mark.xdist_group("tensorflow")


def test_the_two_are_told_apart(three: ModuleType) -> None:
    """A model of one is none of the other."""
    older, newer = (make.Sequential([make.Input((3,)), make.layers.Dense(2)]) for make in (keras(), three))

    assert [is_keras_2(older), is_keras_3(older)] == [True, False]
    assert [is_keras_2(newer), is_keras_3(newer)] == [False, True]
    assert [is_keras_2(3), is_keras_3(3)] == [False, False]


def test_what_a_library_says_is_kept_short() -> None:
    """One line, three hundred letters."""
    assert short(ValueError("\x1b[1ma\n  b\x1b[0m")) == "a b"
    assert short(ValueError("x" * 400)) == "x" * 300 + "..."
