"""The counter: instructions, lowest stack pointer and watched places of an emulated core, in C for speed. Knows Unicorn's hooks; decides nothing.

The C file beside this one is compiled for this machine once. It asks Python about each block of instructions when that comes for the first time.
"""

import ctypes
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Protocol

from emberflow.adapters.toolchain import Toolchain
from emberflow.errors import EmulatorError

_BLOCKS = 1 << 16
_WATCHED = 1 << 32
_NOWHERE = 1 << 32
_SP, _PC = 12, 11  # UC_ARM_REG_SP, UC_ARM_REG_PC
_HOOK_BLOCK, _HOOK_ACCESS = 1 << 3, 1 << 10 | 1 << 11  # UC_HOOK_BLOCK, UC_HOOK_MEM_READ | UC_HOOK_MEM_WRITE


class _Block(ctypes.Structure):
    _fields_ = (*((name, ctypes.c_uint32) for name in ("address", "bytes", "instructions", "is_watched")), ("executions", ctypes.c_uint64))


_First = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_uint32, ctypes.c_uint32)
_Watched = ctypes.CFUNCTYPE(None, ctypes.c_uint32)
_Unaligned = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_uint32, ctypes.c_uint32)


class _Counter(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_uint64) for name in ("instructions", "limit", "returns_to")),
        *((name, ctypes.c_uint32) for name in ("lowest_sp", "count", "mask", "is_over")),
        *((name, ctypes.c_int32) for name in ("sp_number", "pc_number")),
        ("blocks", ctypes.POINTER(_Block)),
        ("first", _First),
        ("watched", _Watched),
        ("unaligned", _Unaligned),
        ("read_register", ctypes.c_void_p),
        ("stop", ctypes.c_void_p),
        ("allowed", ctypes.c_uint32 * 4096),
    )


class Observer(Protocol):
    """Who is asked and told. Nothing may be raised here: the caller is C."""

    def first(self, address: int, size: int) -> tuple[int, bool]:
        """A block comes for the first time: how many instructions it holds, and whether it is watched."""

    def watched(self, address: int) -> None:
        """The block at `address`, which is watched or was waited for, is about to be executed."""

    def unaligned(self, address: int, pc: int) -> bool:
        """The instruction at `pc` is about to access `address`, which is no multiple of the size: whether the core allows it."""


@dataclass
class Counter:
    """What the core has done so far. Keeps the callbacks alive as long as it lives."""

    _state: _Counter
    _blocks: Any

    @property
    def instructions(self) -> int:
        """Executed so far, without the block that is being told of."""
        return int(self._state.instructions)

    @property
    def lowest_sp(self) -> int:
        """Of all starts of blocks."""
        return int(self._state.lowest_sp)

    @property
    def is_at_limit(self) -> bool:
        """Whether it was the limit that stopped the core."""
        return bool(self._state.is_over == 1)

    def await_address(self, address: int | None) -> None:
        """Tell of the block at `address` too, and of no other that was waited for."""
        self._state.returns_to = _NOWHERE if address is None else address

    def executed(self) -> Iterator[tuple[int, int, int]]:
        """Address, instructions and executions of each block."""
        for block in self._blocks:
            if block.bytes:
                yield block.address, block.instructions, block.executions


def attach(uc: Any, library: ctypes.CDLL, toolchain: Toolchain, observer: Observer, limit: int, *, with_accesses: bool) -> Counter:
    """A counter on the core `uc`, whose functions are in `library`.

    Raises: ToolchainError: no compiler for this machine. EmulatorError: Unicorn refuses the hook.
    """
    ours = ctypes.CDLL(str(toolchain.build_for_host({"counter.c": files("emberflow.adapters").joinpath("counter.c").read_bytes()})))
    blocks = (_Block * _BLOCKS)()
    state = _Counter(limit=limit, returns_to=_NOWHERE, lowest_sp=0xFFFFFFFF, mask=_BLOCKS - 1)
    state.sp_number, state.pc_number = _SP, _PC
    state.blocks = ctypes.cast(blocks, ctypes.POINTER(_Block))
    state.first = _First(lambda address, size: _pack(*observer.first(address, size)))
    state.watched, state.unaligned = _Watched(observer.watched), _Unaligned(observer.unaligned)
    state.read_register = ctypes.cast(library.uc_reg_read, ctypes.c_void_p)
    state.stop = ctypes.cast(library.uc_emu_stop, ctypes.c_void_p)
    _hook(uc, library, _HOOK_BLOCK, ours.ef_on_block, state)
    if with_accesses:
        _hook(uc, library, _HOOK_ACCESS, ours.ef_on_access, state)
    return Counter(state, blocks)


def _pack(instructions: int, is_watched: bool) -> int:
    return instructions | (_WATCHED if is_watched else 0)


def _hook(uc: Any, library: ctypes.CDLL, kind: int, function: Callable[..., Any], state: _Counter) -> None:
    handle, everywhere = ctypes.c_size_t(), (ctypes.c_uint64(1), ctypes.c_uint64(0))
    code = library.uc_hook_add(uc._uch, ctypes.byref(handle), kind, ctypes.cast(function, ctypes.c_void_p), ctypes.byref(state), *everywhere)  # type: ignore[arg-type]
    if code:
        raise EmulatorError(f"Unicorn refuses a hook in C (error {code}); expected version 2.1.4: pip install 'emberflow[chip]'")
