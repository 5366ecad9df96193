"""YAML as plain values: what is read, and what is refused before anything is built of it."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emberflow.errors import ProjectError
from emberflow.plain_yaml import LARGEST_BYTES, MOST_VALUES, as_json, read, render

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def refuse(text: str) -> str:
    with pytest.raises(ProjectError) as raised:
        read(text)
    return str(raised.value)


@settings(deadline=None)
@given(plain)
def test_what_is_written_reads_back(values):
    """Text that looks like a number too, such as 1e5, and the same list in two places."""
    assert values == read(render(values))
    assert [values, values] == read(render([values, values]))


@pytest.mark.parametrize("text", ["1e5", "on", "0x1F", "1:30", "2026-01-01", "~", "<<", "=", "a: b", "# c", "\u202e", "\x85", "\ud800"[:0]])
def test_text_stays_text(text):
    """Whatever YAML would make of it."""
    assert {"key": text} == read(render({"key": text}))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: !!bool maybe", "line 1: received 'maybe' as bool, which it isn't; expected plain text or a number"),
        ("a: 1\nb: !!int ''", "line 2: received '' as int, which it isn't; expected plain text or a number"),
        ("a: !!timestamp x", "line 1: received 'x' as timestamp, which it isn't; expected plain text or a number"),
        ("a: 2026-02-30", "line 1: received '2026-02-30' as timestamp, which it isn't; expected plain text or a number"),
        ("a: " + "9" * 5000, f"line 1: received '{'9' * 60}' as int, which it isn't; expected plain text or a number"),
        ("a: 1\na: 2", "line 2: the key 'a' stands twice; keep one"),
    ],
)
def test_a_value_that_is_none_is_refused_with_its_line(text, message):
    """Python's own words would name neither."""
    assert message == refuse(text)


@pytest.mark.parametrize(
    "tag", ["!!python/object/apply:os.system ['true']", "!!python/name:os.system", "!!python/module:os", "!mine {a: 1}", "!!map x", "!!seq x"]
)
def test_no_tag_builds_an_object(tag):
    """Nothing is called, nothing imported."""
    assert refuse(f"a: {tag}").startswith("not a YAML file: ")


@pytest.mark.parametrize("last", ["*a11", "{<<: *m11}"])
def test_a_bomb_is_refused_at_once(last):
    """Nine to the power of twelve values from twelve lines: by alias, and by merged mappings, which PyYAML unfolds while it reads."""
    lists = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9) if n else 'x'}]" for n in range(12)]
    maps = [f"m{n}: &m{n} {{<<: [{', '.join([f'*m{n - 1}'] * 9) if n else ''}], k{n}: 1}}" for n in range(12)]
    began = time.monotonic()

    told = refuse("\n".join([*lists, *maps, f"end: {last}"]))

    assert told == f"holds more than {MOST_VALUES:,} values once its anchors are unfolded; expected fewer: write out what is meant"
    assert time.monotonic() - began < 5


def test_a_file_that_is_too_long_is_refused_unread():
    """However harmless."""
    expected = "holds 256.0 KiB of YAML; expected at most 256 KiB: nobody writes more by hand"
    assert expected.replace("256.0", "256") == refuse("#" * (LARGEST_BYTES + 1))


def test_a_deep_file_is_refused():
    """As deep as it may be."""
    assert "recursion" in refuse("[" * 100_000)


def test_a_list_that_holds_itself_has_no_json():
    """YAML can write one."""
    with pytest.raises(ProjectError, match=r"holds a key that isn't text, or a list or mapping that holds itself: Circular reference detected"):
        as_json(read("a: &a [*a]"))


def test_json_has_no_dates():
    """So no value of ours is made of one by accident."""
    with pytest.raises(ProjectError, match=r"received 2026-01-01, which YAML reads as a date; expected text, a number, a list or a mapping"):
        as_json(read("a: 2026-01-01"))
