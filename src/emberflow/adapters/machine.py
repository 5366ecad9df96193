"""A target's core inside Unicorn: opens it, hooks it, names its faults. Knows instructions and registers; refuses to know what the program is for."""

import ctypes
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from emberflow.adapters import thumb
from emberflow.adapters.chip_memory import ChipMemory
from emberflow.adapters.counter import Counter
from emberflow.adapters.semihosting import Host
from emberflow.adapters.toolchain import Toolchain
from emberflow.errors import ChipError, ChipFault, EmulatorError, ImageError, InstructionLimit
from emberflow.firmware.chip.cores import find_core
from emberflow.firmware.chip.image import Image
from emberflow.firmware.chip.program import boot_bytes, flash_region
from emberflow.target import Target

# Unicorn has no Cortex-M0+ and needs none: its instructions are those of the Cortex-M0 (both Armv6-M).
_MODELS = {
    "cortex-m0plus": "UC_CPU_ARM_CORTEX_M0",
    "cortex-m3": "UC_CPU_ARM_CORTEX_M3",
    "cortex-m4": "UC_CPU_ARM_CORTEX_M4",
    "cortex-m4f": "UC_CPU_ARM_CORTEX_M4",
    "cortex-m7f": "UC_CPU_ARM_CORTEX_M7",
    "cortex-m33f": "UC_CPU_ARM_CORTEX_M33",
}
_SYSTEM, _SYSTEM_BYTES, _CPACR = 0xE000E000, 0x1000, 0xD88  # system control space, and the register's place in it (DDI 0403, B3.2)
_TRANSLATED_BYTES = 64 * 1024**2  # room for translated code; Unicorn's own choice of a gibibyte is more than some machines give
_NOWHERE = 0xFFFFFFFF
_FPU_ON = 0xF << 20
_SEMIHOSTING = (0xBEAB).to_bytes(2, "little")  # BKPT 0xAB
_EXCEPTIONS = {1: "executed an undefined instruction", 2: "made a supervisor call", 7: "came to a breakpoint"}  # QEMU's target/arm/cpu.h
_VERBS = {16: "read", 17: "wrote", 19: "read", 20: "wrote", 22: "wrote", 23: "read"}  # uc_mem_type; the others are fetches


@dataclass(frozen=True)
class Observed:
    """What is watched while a program runs: `look` is called when it comes to one of `places`, and where it was told to wait."""

    look: Callable[[int], None]
    places: Collection[int]
    limit_instructions: int
    is_strict: bool


class Machine:
    """A core in its memory, with `image` loaded; runs it once.

    Raises: EmulatorError: Unicorn is missing or has no such core. ImageError: the image lies outside the memory map.
    """

    def __init__(self, image: Image, target: Target, inputs: Mapping[str, bytes]) -> None:
        self._library, self._names, self._errors = _load_unicorn()
        self._image, self._target, self._core = image, target, find_core(target.core)
        self._uc = _open_core(self._names, target)
        self.memory = ChipMemory(self._uc, target, image)
        self.host = Host(inputs)
        self._failure: ChipError | None = None
        self._system = {_CPACR: 0}
        self._initial_sp = 0
        self._resumes_at: int | None = None

    def run(self, toolchain: Toolchain, observed: Observed) -> None:
        """Run from reset until something stops the core.

        Raises:
            ChipFault, InstructionLimit: see `emulator`. ImageError: no vector table where the core looks for it.
            EmulatorError: a program of more blocks than the counter has room for.
        """
        self._observed = observed
        limit = observed.limit_instructions
        self._counter = Counter(self._uc, self._library, toolchain, self, limit, with_accesses=observed.is_strict)
        self._add_hooks()
        self._initial_sp, self._resumes_at = self.memory.words_at(flash_region(self._target).origin + boot_bytes(self._target), 2)
        if not self._resumes_at & 1:
            raise ImageError(f"received a program whose reset vector is {self._resumes_at:#010x}; expected the address of Thumb code, which is odd")
        self._uc.reg_write(self._names.UC_ARM_REG_SP, self._initial_sp)
        while self._resumes_at is not None:
            self._go_on(self._resumes_at)
        if self._failure:
            raise self._failure
        if self._counter.is_full:
            raise EmulatorError("received a program of more blocks of code than the emulator counts; expected one of a few hundred KiB of code")
        if self._counter.is_at_limit:
            function = self._image.function_at(self.pc)
            raise InstructionLimit(f"did not end within {limit:,} instructions: it is in {function}; mend its loop, or allow more", function)

    def _go_on(self, start: int) -> None:
        """Run until the core stops; for semihosting too, because Unicorn is unsure of the program counter after a hook has changed it."""
        self._resumes_at = None
        try:
            self._uc.emu_start(start, _NOWHERE)
        except self._errors as error:
            undefined = error.errno == self._names.UC_ERR_INSN_INVALID
            self._fail(_EXCEPTIONS[1] if undefined else f"stopped the emulated core: {error}", self.pc)

    @property
    def instructions(self) -> int:
        """Executed so far."""
        return self._counter.instructions

    @property
    def pc(self) -> int:
        """The address of the instruction that is executed."""
        return int(self._uc.reg_read(self._names.UC_ARM_REG_PC))

    @property
    def sp(self) -> int:
        """The stack pointer."""
        return int(self._uc.reg_read(self._names.UC_ARM_REG_SP))

    @property
    def return_address(self) -> int:
        """Where the function that was just called returns to."""
        return int(self._uc.reg_read(self._names.UC_ARM_REG_LR)) & ~1

    def registers(self) -> tuple[int, int, int, int]:
        """Registers 0 to 3: the arguments of a function that was just called."""
        a, b, c, d = (int(self._uc.reg_read(self._names.UC_ARM_REG_R0 + i)) for i in range(4))
        return a, b, c, d

    def stack_bytes(self) -> int:
        """The deepest that the stack has reached."""
        return max(self._initial_sp - self._counter.lowest_sp, self.memory.painted_depth())

    def await_address(self, address: int | None) -> None:
        """Look when the program comes to `address`; None: wait no longer."""
        self._counter.await_address(address)

    def executed(self) -> Iterator[tuple[int, int]]:
        """Address of each block, and the instructions of all its executions."""
        return self._counter.executed()

    def stop(self) -> None:
        """End the run."""
        self._uc.emu_stop()

    def close(self) -> None:
        """Give the core's memory, 270 MB, back now: it, its hooks and this object hold each other, and so would wait for Python to collect."""
        self._uc._Uc__finalizer()  # Unicorn 2.1.4 has no public name for it; what it ended is not ended again
        vars(self).clear()

    # What the counter asks and tells; nothing may be raised, for it is C.

    def first(self, address: int, size: int) -> tuple[int, bool]:
        """See `counter.Observer`."""
        if not self.memory.is_code(address):
            self._fail_jump(address)
            return 0, False
        code = bytes(self._uc.mem_read(address, size))
        if self._system[_CPACR] & _FPU_ON != _FPU_ON or not self._core.has_fpu:
            self._check_no_floats(address, code)
        return thumb.count(code), address in self._observed.places

    def watched(self, address: int) -> None:
        """See `counter.Observer`."""
        try:
            self._observed.look(address)
        except ChipFault as fault:
            self._fail(str(fault), address, fault.address)

    def unaligned(self, address: int, pc: int) -> bool:
        """See `counter.Observer`."""
        code = bytes(self._uc.mem_read(pc, 4))
        _, first, second = next(thumb.instructions(code))
        if not self._core.is_aligned and not thumb.must_be_aligned(first, second):
            return True
        self._fail(f"accessed {address:#010x}, which is not aligned as a {self._target.core} asks", pc, address)
        return False

    def _check_no_floats(self, address: int, code: bytes) -> None:
        for place, first, second in thumb.instructions(code):
            if thumb.is_floating_point(first, second):
                why = "before CPACR lets it" if self._core.has_fpu else f"that a {self._target.core} does not have"
                self._fail(f"executed a floating-point instruction {why}", address + place)
                return

    def _add_hooks(self) -> None:
        names, uc = self._names, self._uc
        uc.hook_add(names.UC_HOOK_INTR, self._on_exception)
        uc.hook_add(names.UC_HOOK_MEM_INVALID, self._on_access)
        for low, high in self.memory.gaps():
            uc.hook_add(names.UC_HOOK_MEM_READ | names.UC_HOOK_MEM_WRITE, self._on_access, begin=low, end=high)
        uc.mmio_map(_SYSTEM, _SYSTEM_BYTES, self._read_system, None, self._write_system, None)

    def _read_system(self, _uc: Any, place: int, _size: int, _data: Any) -> int:
        return self._system.get(place, 0)

    def _write_system(self, _uc: Any, place: int, _size: int, value: int, _data: Any) -> None:
        self._system[place] = value

    def _on_access(self, _uc: Any, kind: int, address: int, size: int, _value: int, _data: Any) -> bool:
        if kind in _VERBS:
            self._fail(f"{_VERBS[kind]} {size} B at {address:#010x}, {self.memory.describe(address)}", self.pc, address)
        else:
            self._fail_jump(address)
        return False

    def _on_exception(self, _uc: Any, number: int, _data: Any) -> None:
        pc, names = self.pc, self._names
        try:
            if number != 7 or self.memory.mem_read(pc, 2) != _SEMIHOSTING:
                self._fail(_EXCEPTIONS.get(number, f"raised exception {number}"), pc)
                return
            operation, argument, *_ = self.registers()
            self._uc.reg_write(names.UC_ARM_REG_R0, self.host.serve(self.memory, operation, argument))
            self._resumes_at = pc + 2 | 1 if self.host.exit_status is None else None
            self.stop()
        except ChipFault as fault:
            self._fail(str(fault), pc, fault.address)

    def _fail_jump(self, address: int) -> None:
        """The link register says who called; where the jump was no call, who called the function that jumped."""
        self._fail(f"jumped to {address:#010x}, {self.memory.describe(address)}", self.return_address, address)

    def _fail(self, what: str, pc: int, address: int | None = None) -> None:
        """Stop with a fault; the first one is told, for others follow from it."""
        function = self._image.function_at(pc)
        self._resumes_at = None
        if self._failure is None:
            self._failure = ChipFault(f"{function} (at {pc:#010x}) {what}", function, pc if address is None else address)
        self.stop()


def _load_unicorn() -> tuple[ctypes.CDLL, Any, Any]:
    if find_spec("unicorn") is None:
        raise EmulatorError("found no emulated core: the package unicorn is missing; get it with pip install 'emberflow[chip]'")
    module = import_module("unicorn")
    names = {**vars(import_module("unicorn.unicorn_const")), **vars(import_module("unicorn.arm_const"))}
    return import_module("unicorn.unicorn_py3.unicorn").uclib, _Names(names), module.UcError


@dataclass(frozen=True)
class _Names:
    """Unicorn's constants, whose modules overlap."""

    values: Mapping[str, Any] = field(repr=False)

    def __getattr__(self, name: str) -> Any:
        return self.values[name]


def _open_core(names: Any, target: Target) -> Any:
    if target.core not in _MODELS:
        raise EmulatorError(f"Unicorn emulates no {target.core}; expected one of {', '.join(_MODELS)}: {target.name}'s figures need a board")
    uc = import_module("unicorn").Uc(names.UC_ARCH_ARM, names.UC_MODE_THUMB | names.UC_MODE_MCLASS)
    uc.ctl_set_cpu_model(getattr(names, _MODELS[target.core]))
    uc.ctl_set_tcg_buffer_size(_TRANSLATED_BYTES)
    return uc
