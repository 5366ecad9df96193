"""Semihosting: what a program on the chip asks of its debugger. Serves files from memory; knows no disk and no emulator.

Operations and their numbers: Arm, "Semihosting for AArch32 and AArch64", chapter 5.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from emberflow.errors import ChipFault

_STOPPED_BY_EXIT = 0x20026
_FAILED = 0xFFFFFFFF
_LONGEST_TEXT = 1 << 16


class Memory(Protocol):
    """The chip's memory."""

    def mem_read(self, address: int, size: int) -> bytes | bytearray:
        """`size` bytes from `address`."""

    def mem_write(self, address: int, data: bytes) -> None:
        """Put `data` at `address`."""


@dataclass
class _Open:
    name: str
    is_written: bool
    place: int = 0


@dataclass
class Host:
    """The debugger's side of a program's files.

    Args:
        inputs: what the program may read, by file name.
    """

    inputs: Mapping[str, bytes]
    written: dict[str, bytearray] = field(default_factory=dict)
    text: bytearray = field(default_factory=bytearray)
    exit_status: int | None = None
    _opened: list[_Open] = field(default_factory=list)

    def serve(self, memory: Memory, operation: int, argument: int) -> int:
        """Carry out `operation`; what it answers goes to register 0.

        Raises: ChipFault: an operation that is none of ours.
        """
        if operation not in _OPERATIONS:
            raise ChipFault(f"asked for semihosting operation {operation:#04x}; expected one of {', '.join(f'{o:#04x}' for o in _OPERATIONS)}")
        return _OPERATIONS[operation](self, memory, argument) & 0xFFFFFFFF

    def _open(self, memory: Memory, argument: int) -> int:
        name_at, mode, length = _words(memory, argument, 3)
        name = bytes(memory.mem_read(name_at, min(length, 255))).decode("utf-8", "replace")
        is_written = mode >= 4
        if not is_written and name not in self.inputs:
            return _FAILED
        if is_written:
            self.written[name] = bytearray()
        self._opened.append(_Open(name, is_written))
        return len(self._opened)

    def _file(self, handle: int) -> _Open | None:
        return self._opened[handle - 1] if 1 <= handle <= len(self._opened) else None

    def _read(self, memory: Memory, argument: int) -> int:
        handle, to, count = _words(memory, argument, 3)
        file = self._file(handle)
        if file is None or file.is_written:
            return count
        data = self.inputs[file.name][file.place : file.place + count]
        memory.mem_write(to, data)
        file.place += len(data)
        return count - len(data)

    def _write(self, memory: Memory, argument: int) -> int:
        handle, start, count = _words(memory, argument, 3)
        file = self._file(handle)
        if file is None or not file.is_written:
            return count
        self.written[file.name] += memory.mem_read(start, count)
        return 0

    def _length(self, memory: Memory, argument: int) -> int:
        file = self._file(_words(memory, argument, 1)[0])
        return _FAILED if file is None or file.is_written else len(self.inputs[file.name])

    def _print(self, memory: Memory, argument: int) -> int:
        for address in range(argument, argument + _LONGEST_TEXT):
            byte = bytes(memory.mem_read(address, 1))
            if byte == b"\0":
                break
            self.text += byte
        return 0

    def _close(self, memory: Memory, argument: int) -> int:
        return 0 if self._file(_words(memory, argument, 1)[0]) else _FAILED

    def _exit(self, memory: Memory, argument: int) -> int:
        self.exit_status = 0 if argument == _STOPPED_BY_EXIT else 1
        return 0

    def _exit_extended(self, memory: Memory, argument: int) -> int:
        reason, status = _words(memory, argument, 2)
        self.exit_status = status if reason == _STOPPED_BY_EXIT else 1
        return 0


_OPERATIONS: dict[int, Callable[[Host, Memory, int], int]] = {
    0x01: Host._open,
    0x02: Host._close,
    0x04: Host._print,
    0x05: Host._write,
    0x06: Host._read,
    0x0C: Host._length,
    0x18: Host._exit,
    0x20: Host._exit_extended,
}


def _words(memory: Memory, address: int, count: int) -> list[int]:
    data = bytes(memory.mem_read(address, 4 * count))
    return [int.from_bytes(data[4 * i : 4 * i + 4], "little") for i in range(count)]
