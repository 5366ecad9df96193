"""Semihosting's operations, asked as a program asks: a number, and words in its memory."""

import pytest

from emberflow.adapters.semihosting import Host
from emberflow.errors import ChipFault

NAME, DATA, WORDS = 0x100, 0x200, 0x300
OPEN, CLOSE, PRINT, WRITE, READ, LENGTH, EXIT, EXIT_EXTENDED = 0x01, 0x02, 0x04, 0x05, 0x06, 0x0C, 0x18, 0x20
FAILED = 0xFFFFFFFF


class Memory:
    """A kibibyte."""

    def __init__(self):
        self.bytes = bytearray(1024)

    def mem_read(self, address, size):
        """Some of it."""
        return self.bytes[address : address + size]

    def mem_write(self, address, data):
        """Change some of it."""
        self.bytes[address : address + len(data)] = data


class Program:
    """Asks the host."""

    def __init__(self, **inputs):
        self.memory, self.host = Memory(), Host(inputs)

    def ask(self, operation, *words):
        """With an argument block of `words`."""
        self.memory.mem_write(WORDS, b"".join(word.to_bytes(4, "little") for word in words))
        return self.host.serve(self.memory, operation, WORDS)

    def open(self, name, mode):
        """The handle of a file."""
        self.memory.mem_write(NAME, name.encode())
        return self.ask(OPEN, NAME, mode, len(name))


def test_a_file_is_read_piece_by_piece():
    """The answer is the number of bytes that did not come."""
    program = Program(vectors=b"abcde")
    file = program.open("vectors", 1)

    assert [0, 1, 3] == [program.ask(READ, file, DATA, 3) for _ in range(3)]
    assert bytearray(b"dec") == program.memory.mem_read(DATA, 3)
    assert program.ask(LENGTH, file) == 5


def test_a_file_is_written_piece_by_piece():
    """The answer is the number of bytes that were not written."""
    program = Program()
    program.memory.mem_write(DATA, b"xyz")
    file = program.open("answers", 5)

    assert [0, 0, 0] == [program.ask(WRITE, file, DATA, 3), program.ask(WRITE, file, DATA, 1), program.ask(CLOSE, file)]
    assert {"answers": bytearray(b"xyzx")} == program.host.written


def test_what_can_not_be_read_or_written_is_refused():
    """No such file, no such handle, a file of the other kind."""
    program = Program(vectors=b"abc")
    read, written = program.open("vectors", 1), program.open("answers", 5)

    assert program.open("nothing", 1) == FAILED
    assert [program.ask(READ, written, DATA, 3), program.ask(READ, 9, DATA, 3), program.ask(READ, 0, DATA, 3)] == [3, 3, 3]
    assert [program.ask(WRITE, read, DATA, 2), program.ask(WRITE, 9, DATA, 2)] == [2, 2]
    assert [program.ask(LENGTH, written), program.ask(LENGTH, 9), program.ask(CLOSE, 9)] == [FAILED, FAILED, FAILED]


def test_text_ends_with_a_zero():
    """Which is not part of it."""
    program = Program()
    program.memory.mem_write(DATA, b"fault\n\0more")
    program.host.serve(program.memory, PRINT, DATA)

    assert program.host.text == b"fault\n"


@pytest.mark.parametrize(("reason", "status"), [(0x20026, 0), (0x20023, 1)])
def test_the_short_exit_tells_success_or_not(reason, status):
    """0x20026 is ADP_Stopped_ApplicationExit."""
    program = Program()
    program.host.serve(program.memory, EXIT, reason)

    assert status == program.host.exit_status


@pytest.mark.parametrize(("reason", "told", "status"), [(0x20026, 70, 70), (0x20026, 0, 0), (0x20023, 0, 1)])
def test_the_extended_exit_tells_a_status(reason, told, status):
    """Of an application that ended by itself."""
    program = Program()
    program.ask(EXIT_EXTENDED, reason, told)

    assert status == program.host.exit_status


def test_an_operation_of_somebody_else_is_refused():
    """SYS_SYSTEM, which would run a command on this machine, is none of ours."""
    with pytest.raises(ChipFault, match=r"^asked for semihosting operation 0x12; expected one of 0x01, 0x02, 0x04, "):
        Program().ask(0x12, DATA, 3)
