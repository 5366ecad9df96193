"""What every value that travels has in common."""

import pytest
from pydantic import TypeAdapter, ValidationError

from emberflow.values import Bytes, Entry, Value


class Chip(Value):
    """A value for these tests."""

    name: str
    volts: float = 3.3
    flash: Bytes = 0


def test_a_value_is_frozen():
    """It may be shared between tasks, and be a key."""
    chip = Chip(name="a")

    with pytest.raises(ValidationError, match="Instance is frozen"):
        chip.name = "b"
    assert len({chip, Chip(name="a")}) == 1


def test_an_unknown_key_is_refused():
    """A misspelt field is no default."""
    with pytest.raises(ValidationError, match=r"volt\n  Extra inputs are not permitted"):
        Chip(name="a", volt=5)


@pytest.mark.parametrize("volts", [float("inf"), float("nan")])
def test_numbers_are_finite(volts):
    """JSON could not carry others."""
    with pytest.raises(ValidationError, match="volts\n  Input should be a finite number"):
        Chip(name="a", volts=volts)


def test_bytes_are_read_as_sizes():
    """Text with a unit, or a number that isn't negative."""
    assert Chip(name="a", flash="1.5 KiB").flash == 1536
    with pytest.raises(ValidationError, match=r"flash\n.*greater than or equal to 0"):
        Chip(name="a", flash=-1)
    with pytest.raises(ValidationError, match=r"flash\n.*received '1 KB' as a size"):
        Chip(name="a", flash="1 KB")


@pytest.mark.parametrize("text", ["watch:load", "a.b.c:_load2", "_a:b"])
def test_entries_are_module_and_function(text):
    """The module may be dotted, the function not."""

    assert text == TypeAdapter(Entry).validate_python(text)


@pytest.mark.parametrize("text", ["watch", "watch:", ":load", "a:b:c", "a:b.c", "1a:b", ".a:b", "a-b:c", "a b:c", "a/b:c", "a:b\n", ""])
def test_what_is_no_entry_is_refused(text):
    """Paths, spaces and a second colon."""
    with pytest.raises(ValidationError, match="String should match pattern"):
        TypeAdapter(Entry).validate_python(text)
