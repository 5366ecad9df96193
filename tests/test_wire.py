"""A protocol buffer's fields are read as its format says, and every way to cut one short is noticed."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emberflow.errors import ModelError
from emberflow.wire import fields, mapped, message_of, messages, number_of, text_of

# 1: varint 150 = 0x96 0x01; 2: "hi"; 3: 4 fixed bytes; 4: 8 fixed bytes; 1 again: 1; 5: -1 as ten bytes
MESSAGE = bytes([0x08, 0x96, 0x01, 0x12, 2, 0x68, 0x69, 0x1D, 1, 2, 3, 4, 0x21, *range(8), 0x08, 0x01, 0x28, *[0xFF] * 9, 0x01])


def test_fields_come_in_order_with_their_numbers():
    """All four types."""
    assert [(1, 150), (2, b"hi"), (3, bytes([1, 2, 3, 4])), (4, bytes(range(8))), (1, 1), (5, 2**64 - 1)] == list(fields(MESSAGE))


def test_the_last_of_a_field_counts():
    """As the format says; -1 is written as 64 bits."""
    assert (1, -1, 0) == (number_of(MESSAGE, 1), number_of(MESSAGE, 5), number_of(MESSAGE, 9))
    assert ("hi", b"hi", [b"hi"], b"") == (text_of(MESSAGE, 2), message_of(MESSAGE, 2), messages(MESSAGE, 2), message_of(MESSAGE, 9))


def test_a_message_in_pieces_is_one() -> None:
    """As every reader of the format merges them; of text the last counts."""
    pieces = bytes([0x12, 2, 0x08, 0x01, 0x12, 2, 0x10, 0x02, 0x1A, 1, 0x61, 0x1A, 1, 0x62])

    assert [(1, 1), (2, 2)] == list(fields(message_of(pieces, 2)))
    assert "b" == text_of(pieces, 3)


def test_a_map_is_a_list_of_keys_and_values():
    """Here {'a': b'x', 'b': b'y'} in field 7."""
    entries = (bytes([0x3A, 6, 0x0A, 1, key, 0x12, 1, value]) for key, value in (b"ax", b"by"))

    assert {"a": b"x", "b": b"y"} == mapped(b"".join(entries), 7)


@pytest.mark.parametrize("length", range(1, len(MESSAGE)))
def test_a_message_cut_short_is_told_unless_a_field_ends_there(length):
    """Fields end at bytes 3, 7, 12, 21, 23 and 34."""
    if length in (3, 7, 12, 21, 23):
        assert list(fields(MESSAGE[:length])) == list(fields(MESSAGE))[: (3, 7, 12, 21, 23).index(length) + 1]
    else:
        with pytest.raises(ModelError, match=rf"^ends after {length} B, within a (field|number).* it was cut short: copy it again"):
            list(fields(MESSAGE[:length]))


def test_a_type_out_of_use_is_told():
    """3 began a group."""
    with pytest.raises(
        ModelError, match="received a field of type 3 at byte 1; expected a protocol buffer, whose fields have the types 0, 1, 2 and 5"
    ):
        list(fields(bytes([0x0B])))


@given(st.binary(max_size=64))
def test_any_bytes_are_read_or_refused(data):
    """Nothing else happens."""
    with suppress(ModelError):
        assert all(isinstance(value, int | bytes) for _, value in fields(data))
