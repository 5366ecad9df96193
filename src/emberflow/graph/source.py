"""Tables and vectors of a FlatBuffer from a stranger. Bounds what is read and names what is damaged; refuses to know what it means."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from emberflow.errors import GraphError
from emberflow.values import AnyArray

MALFORMED = (struct.error, IndexError, TypeError, ValueError, OverflowError)
"""What the `flatbuffers` package, and Source, raise on bytes that no writer made."""


@contextmanager
def decoding(what: str) -> Iterator[None]:
    """Turn what MALFORMED lists into a GraphError that says what was being read."""
    try:
        yield
    except MALFORMED as error:
        raise GraphError(f"{what} can't be decoded ({error}): the file is damaged or cut short; copy or convert the model again") from error


class Source:
    """The bytes of a file, and how many of them may still be read. Use it under `decoding`, which says where it stopped.

    In a file that a writer made, what the vectors hold adds up to no more than the file. A damaged or hostile one may claim 4 billion
    elements, or let a million tables share one large vector: the allowance of twice the file ends both before any loop.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._allowance = 2 * len(data)

    def tables(self, table: Any, field: str, least_bytes: int) -> list[Any]:
        """The tables in vector `field` of `table`, each of which takes at least `least_bytes` of the file."""
        length = self._charge(getattr(table, f"{field}Length")(), least_bytes, field)
        return [getattr(table, field)(position) for position in range(length)]

    def numbers(self, table: Any, field: str) -> AnyArray:
        """The int32, int64 or float32 numbers in vector `field` of `table`, a read-only view; empty where it is left out."""
        if not self._charge(getattr(table, f"{field}Length")(), 4, field):
            return np.empty(0, np.int64)
        array: AnyArray = getattr(table, f"{field}AsNumpy")()
        return array

    def integers(self, table: Any, field: str) -> tuple[int, ...]:
        """The integers in vector `field` of `table`."""
        return tuple(self.numbers(table, field).tolist())

    def text(self, raw: bytes | None) -> str:
        """The string that was read as `raw`; bytes that are not UTF-8 become U+FFFD."""
        self._charge(len(raw or b""), 1, "string")
        return (raw or b"").decode("utf-8", errors="replace")

    def content(self, buffer: Any) -> AnyArray:
        """The bytes of a buffer, uint8, a read-only view; they stand in the FlatBuffer or, in models over 2 GiB, behind it."""
        if buffer.Offset() > 1:  # 1 is the schema's placeholder while the file is being written
            return np.frombuffer(self.data, np.uint8, count=buffer.Size(), offset=buffer.Offset())
        if not buffer.DataLength():
            return np.empty(0, np.uint8)
        array: AnyArray = buffer.DataAsNumpy()
        return array

    def spend(self, count: int) -> None:
        """Take `count` bytes that are going to be read off the allowance."""
        self._charge(count, 1, "data")

    def _charge(self, length: int, least_bytes: int, field: str) -> int:
        self._allowance -= length * least_bytes
        if self._allowance < 0:
            raise ValueError(f"vector {field} claims {length:,} elements, more than a file of {len(self.data):,} B can hold")
        return length
