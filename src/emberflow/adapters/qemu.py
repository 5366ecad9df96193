"""QEMU as a second opinion: the same program on another emulator, where it has a machine with the target's memory. Starts one program; judges nothing.

    if find_machine(image, target) and shutil.which("qemu-system-arm"):
        answer = Qemu().run(image, target, {"inputs.bin": vectors.tobytes()})
        answer.files["outputs.bin"], answer.exit_status, answer.instructions

Its machines have memory where the target has none, so QEMU misses faults that `emulator` catches; what it confirms are outputs and instructions.
"""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from emberflow.errors import ChipFault, EmulatorError, InstructionLimit
from emberflow.firmware.chip.image import Image
from emberflow.target import Target

_MIB = 1024**2
_TRACED = re.compile(r"^Trace .*?\[[0-9a-f]+/([0-9a-f]+)/")
_LISTED = re.compile(r"^0x([0-9a-f]+): ")
_FAULT_STATUS = 70  # what ef_fault of semihosting.c ends with


@dataclass(frozen=True)
class Board:
    """A machine of QEMU, its core, and where it has memory: origin and bytes."""

    machine: str
    core: str
    code: tuple[int, int]
    ram: tuple[int, int]

    def holds(self, image: Image) -> bool:
        """Whether all of `image` lies in its memory."""
        spans = [(s.address, s.memory_bytes) for s in image.segments] + [(s.load_address, len(s.data)) for s in image.segments if s.data]
        return all(_lies_in(span, self.code) or _lies_in(span, self.ram) for span in spans)


# QEMU's hw/arm/stm32f405_soc.c, stm32f205_soc.c, nrf51_soc.c and mps2.c, mps2-tz.c.
BOARDS = (
    Board("netduinoplus2", "cortex-m4f", (0x08000000, _MIB), (0x20000000, 128 * 1024)),
    Board("netduino2", "cortex-m3", (0x08000000, _MIB), (0x20000000, 128 * 1024)),
    Board("microbit", "cortex-m0plus", (0x00000000, 256 * 1024), (0x20000000, 16 * 1024)),
    Board("mps2-an385", "cortex-m3", (0x00000000, 4 * _MIB), (0x20000000, 4 * _MIB)),
    Board("mps2-an386", "cortex-m4f", (0x00000000, 4 * _MIB), (0x20000000, 4 * _MIB)),
    Board("mps2-an500", "cortex-m7f", (0x00000000, 4 * _MIB), (0x20000000, 4 * _MIB)),
    Board("mps2-an505", "cortex-m33f", (0x10000000, 4 * _MIB), (0x38000000, 2 * _MIB)),
)


@dataclass(frozen=True)
class Answer:
    """What QEMU saw; `instructions` is None when they were not counted."""

    exit_status: int
    text: str
    files: Mapping[str, bytes] = field(repr=False)
    instructions: int | None


@dataclass(frozen=True)
class Qemu:
    """QEMU, which ends a program after `limit_s` seconds."""

    limit_s: float = 60

    def run(self, image: Image, target: Target, inputs: Mapping[str, bytes], *, counts: bool = True) -> Answer:
        """Run `image`, which must end by semihosting.

        Args:
            counts: count instructions, by a log of every block that is executed: for short programs.
        Raises:
            EmulatorError: QEMU is missing, or has no machine with such a core and memory. ChipFault: the program came to its fault handler.
            InstructionLimit: it did not end in time.
        """
        program, board = shutil.which("qemu-system-arm"), find_board(image, target)
        if program is None:
            raise EmulatorError("found no qemu-system-arm; on Debian: apt-get install qemu-system-arm, or do without a second opinion")
        if board is None:
            raise EmulatorError(f"QEMU has no {target.core} with the memory of {target.name}; expected one of {', '.join(b.machine for b in BOARDS)}")
        with tempfile.TemporaryDirectory(prefix="emberflow-") as name:
            folder = Path(name)
            files = {"program.elf": image.elf, **inputs}
            for file, data in files.items():
                (folder / file).write_bytes(data)
            log = ["-d", "in_asm,exec,nochain", "-D", "log.txt"] if counts else []
            answer = self._start([program, "-M", board.machine, *_FLAGS, *log, "-kernel", "program.elf"], folder)
            if answer.returncode == _FAULT_STATUS:
                raise ChipFault(f"came to its fault handler in QEMU: {answer.stdout.strip()}")
            count = count_instructions((folder / "log.txt").read_text(encoding="utf-8", errors="replace").splitlines()) if counts else None
            written = {path.name: path.read_bytes() for path in folder.iterdir() if path.name not in (*files, "log.txt")}
            return Answer(answer.returncode, answer.stdout, written, count)

    def _start(self, command: list[str], folder: Path) -> "subprocess.CompletedProcess[str]":
        try:
            return subprocess.run(  # noqa: S603 - QEMU, looked up
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=self.limit_s,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise InstructionLimit(f"did not end within {self.limit_s:.0f} s in QEMU; mend its loop, or allow more") from error


_FLAGS = ("-display", "none", "-monitor", "none", "-serial", "none", "-semihosting-config", "enable=on,target=native")


def find_board(image: Image, target: Target) -> Board | None:
    """The first machine with the target's core that has memory wherever `image` needs some."""
    return next((board for board in BOARDS if board.core == target.core and board.holds(image)), None)


def count_instructions(log: Iterable[str]) -> int:
    """Instructions in QEMU's log of `in_asm,exec,nochain`: each block is listed when it is translated, and traced when it is executed."""
    sizes: dict[int, int] = {}
    total, start = 0, None
    for line in log:
        if listed := _LISTED.match(line):
            address = int(listed[1], 16)
            start = address if start is None else start
            sizes[start] = 1 if address == start else sizes[start] + 1
        elif traced := _TRACED.match(line):
            total += sizes[int(traced[1], 16)]
        else:
            start = None
    return total


def _lies_in(span: tuple[int, int], memory: tuple[int, int]) -> bool:
    return memory[0] <= span[0] and span[0] + span[1] <= memory[0] + memory[1]
