"""The emulated core: runs a linked program on a target's own memory map and measures it. Knows Unicorn, and no model.

    emulator = Emulator(toolchain)
    execution = emulator.run(image, target, Run(inputs={"inputs.bin": vectors.tobytes()}, watched=("watch_infer",)))
    execution.files["outputs.bin"], execution.stack_bytes, [call.instructions for call in execution.calls]

Flash can be read and executed, RAM read and written (executed only where the program has code there), and nothing else is there but the core's own
registers. A program ends when it comes to `ef_halt`, which start-up calls with what main returned, or by semihosting's exit. What the core or its
memory map forbid raises ChipFault with address and function; an endless loop raises InstructionLimit.

Counted are instructions that were begun, as QEMU's `-icount shift=0` counts them; instructions are not cycles. Unicorn is under the GPL version 2:
it is an optional package that only `adapters.machine` imports.
"""

from collections import Counter as Multiset
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace

from emberflow.adapters.machine import Machine, Observed
from emberflow.adapters.toolchain import Toolchain
from emberflow.errors import ImageError, InstructionLimit
from emberflow.firmware.chip.image import Image
from emberflow.target import Target

HALT, TRACE = "ef_halt", "ef_trace"
LIMIT_INSTRUCTIONS = 20_000_000_000


@dataclass(frozen=True)
class Run:
    """What to run a program with.

    Args:
        inputs: files that it may read through semihosting, by name.
        watched: functions whose calls are noted. Calls of `ef_trace` always are, in `Execution.traces`.
        limit_instructions: the most that it may execute.
        strict_instructions: before the run that is measured, the program runs so far with the alignment of each access checked, which Unicorn by
            itself does not: at 2 to 60 million instructions a second, where the measured run makes 200 and more. Give it the count of one inference
            to check all that a model does. A host library that is built with `is_checked` finds the same mistakes in C.
    """

    inputs: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    watched: tuple[str, ...] = ()
    limit_instructions: int = LIMIT_INSTRUCTIONS
    strict_instructions: int = 2_000_000


@dataclass(frozen=True)
class Call:
    """One call of a watched function: instructions from its first, `at_instruction` from reset, to its return; what it called is among them."""

    function: str
    arguments: tuple[int, int, int, int]
    instructions: int
    at_instruction: int


@dataclass(frozen=True)
class Trace:
    """What a program built with EF_TRACE showed after a layer; `at_instruction` counts from reset."""

    layer: int
    data: bytes = field(repr=False)
    at_instruction: int


@dataclass(frozen=True)
class Execution:
    """What a program did.

    Args:
        exit_status: what main returned, or what was given to semihosting's exit.
        text: what it printed. files: what it wrote, by name.
        instructions: from reset to the end.
        stack_bytes: the deepest that the stack reached, by the stack pointer and by what was overwritten.
        calls: of the watched functions, in the order of their returns.
        by_function: instructions of each function, without those of what it called.
    """

    exit_status: int
    text: str
    files: Mapping[str, bytes] = field(repr=False)
    instructions: int
    stack_bytes: int
    calls: tuple[Call, ...] = field(repr=False)
    traces: tuple[Trace, ...] = field(repr=False)
    by_function: Mapping[str, int] = field(repr=False)


@dataclass(frozen=True)
class Emulator:
    """An emulated core; `toolchain` compiles its counter for this machine, once."""

    toolchain: Toolchain

    def run(self, image: Image, target: Target, run: Run = Run()) -> Execution:
        """Run `image` from reset to its end.

        Raises:
            ChipFault: an access outside the memory map, a write to flash, an instruction that the core does not have or that is switched off.
            InstructionLimit: it did not end. ImageError: it does not lie in the target's memory, or lacks a function that is watched.
            EmulatorError: Unicorn is missing, or has no such core.
        """
        for name in run.watched:
            if name not in image.symbols:
                raise ImageError(f"received '{name}' as a function to watch, which the program does not have; is it static, or inlined?")
        with suppress(InstructionLimit):
            self._run(image, target, replace(run, limit_instructions=min(run.strict_instructions, run.limit_instructions)), is_strict=True)
        return self._run(image, target, run, is_strict=False)

    def _run(self, image: Image, target: Target, run: Run, *, is_strict: bool) -> Execution:
        with closing(Machine(image, target, run.inputs)) as machine:
            watch = _Watch(machine, image, run.watched)
            machine.run(self.toolchain, Observed(watch.look, frozenset(watch.addresses), run.limit_instructions, is_strict))
            return Execution(
                exit_status=watch.status if machine.host.exit_status is None else machine.host.exit_status,
                text=machine.host.text.decode("utf-8", "replace"),
                files={name: bytes(data) for name, data in machine.host.written.items()},
                instructions=machine.instructions,
                stack_bytes=machine.stack_bytes(),
                calls=tuple(watch.calls),
                traces=tuple(watch.traces),
                by_function=_by_function(machine, image),
            )


@dataclass
class _Begun:
    function: str
    arguments: tuple[int, int, int, int]
    at_instruction: int
    returns_to: int
    sp: int


class _Watch:
    """Looks when the program comes to certain addresses."""

    def __init__(self, machine: Machine, image: Image, functions: tuple[str, ...]) -> None:
        self.machine = machine
        self.addresses = {image.symbols[name].address: name for name in (*functions, HALT, TRACE) if name in image.symbols}
        self.calls: list[Call] = []
        self.traces: list[Trace] = []
        self.status = 0
        self._begun: list[_Begun] = []

    def look(self, address: int) -> None:
        """The program is about to execute the instruction at `address`."""
        if self._begun and address == self._begun[-1].returns_to and self.machine.sp == self._begun[-1].sp:
            self._end()
        name = self.addresses.get(address)
        if name == HALT:
            self.status = self.machine.registers()[0]
            self.machine.stop()
        elif name == TRACE:
            self._trace()
        elif name is not None:
            self._begin(name)

    def _begin(self, name: str) -> None:
        machine = self.machine
        begun = _Begun(name, machine.registers(), machine.instructions, machine.return_address, machine.sp)
        if self._begun and (self._begun[-1].returns_to, self._begun[-1].sp) == (begun.returns_to, begun.sp):
            return  # a loop that leads back to the function's first instruction
        self._begun.append(begun)
        machine.await_address(begun.returns_to)

    def _end(self) -> None:
        begun = self._begun.pop()
        self.calls.append(Call(begun.function, begun.arguments, self.machine.instructions - begun.at_instruction, begun.at_instruction))
        self.machine.await_address(self._begun[-1].returns_to if self._begun else None)

    def _trace(self) -> None:
        layer, start, count, _ = self.machine.registers()
        data = self.machine.memory.mem_read(start, count)
        self.traces.append(Trace(layer - (layer >> 31 << 32), data, self.machine.instructions))


def _by_function(machine: Machine, image: Image) -> dict[str, int]:
    totals: Multiset[str] = Multiset()
    for address, instructions in machine.executed():
        totals[image.function_at(address)] += instructions
    return dict(totals.most_common())
