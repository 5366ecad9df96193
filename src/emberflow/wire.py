"""The wire format of protocol buffers: a message's bytes to its fields. Knows numbers and lengths; refuses to know what any message means.

Source: protobuf.dev, Encoding. A field is a varint `number << 3 | type`, then a varint (type 0), 8 bytes (1), a length and as many bytes (2),
or 4 bytes (5). Types 3 and 4 have been out of use since 2008.

>>> [*fields(bytes([0x08, 0x96, 0x01, 0x12, 0x02, 0x68, 0x69]))]
[(1, 150), (2, b'hi')]
"""

from collections.abc import Iterator

from emberflow.errors import ModelError

Field = tuple[int, int | bytes]
_FIXED_BYTES = {1: 8, 5: 4}
_LONGEST_VARINT = 10


def fields(message: bytes) -> Iterator[Field]:
    """Number and value of each field, in order: an int for a varint, bytes for everything else.

    Raises: ModelError: the message ends within a field, or holds what no field begins with.
    """
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, place = _varint(message, place)
            yield number, value
            continue
        if kind == 2:
            length, place = _varint(message, place)
        elif kind in _FIXED_BYTES:
            length = _FIXED_BYTES[kind]
        else:
            raise ModelError(
                f"received a field of type {kind} at byte {place}; expected a protocol buffer, whose fields have the types 0, 1, 2 and 5"
            )
        if place + length > len(message):
            raise ModelError(f"ends after {len(message):,} B, within a field of {length:,} B at byte {place:,}; it was cut short: copy it again")
        yield number, message[place : place + length]
        place += length


def _varint(message: bytes, place: int) -> tuple[int, int]:
    """The number at `place`, 7 bits a byte, lowest first, and the place behind it."""
    number = 0
    for shift, byte in enumerate(message[place : place + _LONGEST_VARINT]):
        number |= (byte & 0x7F) << (7 * shift)
        if byte < 0x80:
            return number, place + shift + 1
    raise ModelError(f"ends after {len(message):,} B, within a number at byte {place:,}; it was cut short: copy it again")


def messages(message: bytes, number: int) -> list[bytes]:
    """The values of the fields `number` that hold bytes: sub-messages, text or raw bytes."""
    return [value for found, value in fields(message) if found == number and isinstance(value, bytes)]


def message_of(message: bytes, number: int) -> bytes:
    """The sub-message in the field `number`, empty where there is none. In pieces it is one all the same: a reader merges them."""
    return b"".join(messages(message, number))


def text_of(message: bytes, number: int) -> str:
    """The field `number` as text, of several the last; what isn't UTF-8 in it is replaced."""
    return (messages(message, number) or [b""])[-1].decode("utf-8", "replace")


def number_of(message: bytes, number: int) -> int:
    """The field `number` as a signed 64-bit number; 0 where there is none."""
    found = [value for each, value in fields(message) if each == number and isinstance(value, int)]
    last = found[-1] & ((1 << 64) - 1) if found else 0
    return last - (1 << 64) if last >> 63 else last


def mapped(message: bytes, number: int) -> dict[str, bytes]:
    """The map in the fields `number`: each is a message of a key (1) and a value (2)."""
    return {text_of(entry, 1): message_of(entry, 2) for entry in messages(message, number)}
