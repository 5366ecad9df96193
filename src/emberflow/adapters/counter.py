"""The counter: instructions, lowest stack pointer and watched places of an emulated core, in C for speed. Knows Unicorn's hooks; decides nothing.

The C file beside this one is compiled for this machine once. It asks Python about each block of instructions when that comes for the first time.
"""

import ctypes
from collections.abc import Iterator
from importlib.resources import files
from typing import Any, Protocol

import numpy as np

from emberflow.adapters.toolchain import Toolchain
from emberflow.errors import EmulatorError

_BLOCKS = 1 << 16
_WATCHED = 1 << 32
_NOWHERE = 1 << 32
_SP, _PC, _XPSR = 12, 11, 120  # UC_ARM_REG_SP and so on
_HOOK_BLOCK, _HOOK_ACCESS = 1 << 3, 1 << 10 | 1 << 11  # UC_HOOK_BLOCK, UC_HOOK_MEM_READ | UC_HOOK_MEM_WRITE


class _Block(ctypes.Structure):
    _fields_ = (*((name, ctypes.c_uint32) for name in ("address", "bytes", "instructions", "is_watched")), ("executions", ctypes.c_uint64))


_BLOCK_TYPE = np.dtype([("address", "u4"), ("bytes", "u4"), ("instructions", "u4"), ("is_watched", "u4"), ("executions", "u8")])
_First = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_uint32, ctypes.c_uint32)
_Watched = ctypes.CFUNCTYPE(None, ctypes.c_uint32)
_Unaligned = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_uint32, ctypes.c_uint32)


class _Counter(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_uint64) for name in ("instructions", "limit", "returns_to")),
        *((name, ctypes.c_uint32) for name in ("lowest_sp", "count", "mask", "is_over")),
        *((name, ctypes.c_int32) for name in ("sp_number", "pc_number", "xpsr_number")),
        ("blocks", ctypes.POINTER(_Block)),
        ("first", _First),
        ("watched", _Watched),
        ("unaligned", _Unaligned),
        ("read_register", ctypes.c_void_p),
        ("write_register", ctypes.c_void_p),
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


class Counter:
    """What a core has done so far. Keeps the callbacks alive as long as it lives.

    Args:
        uc: Unicorn's core. library: Unicorn's functions.
        limit: the core is stopped at the first block that begins with so many instructions behind it.
        with_accesses: tell of unaligned ones. Every access is then looked at, which costs speed: see `emulator.Run`.
    Raises: ToolchainError: no compiler for this machine. EmulatorError: Unicorn refuses the hook.
    """

    def __init__(self, uc: Any, library: ctypes.CDLL, toolchain: Toolchain, observer: Observer, limit: int, *, with_accesses: bool) -> None:
        self._uc, self._library = uc, library
        self._ours = ctypes.CDLL(str(toolchain.build_for_host({"counter.c": files("emberflow.adapters").joinpath("counter.c").read_bytes()})))
        self._blocks = (_Block * _BLOCKS)()
        self._state = _Counter(
            limit=limit, returns_to=_NOWHERE, lowest_sp=0xFFFFFFFF, mask=_BLOCKS - 1, sp_number=_SP, pc_number=_PC, xpsr_number=_XPSR
        )
        self._state.blocks = ctypes.cast(self._blocks, ctypes.POINTER(_Block))
        self._state.first = _First(lambda address, size: _pack(*observer.first(address, size)))
        self._state.watched, self._state.unaligned = _Watched(observer.watched), _Unaligned(observer.unaligned)
        self._state.read_register = ctypes.cast(library.uc_reg_read, ctypes.c_void_p)
        self._state.write_register = ctypes.cast(library.uc_reg_write, ctypes.c_void_p)
        self._state.stop = ctypes.cast(library.uc_emu_stop, ctypes.c_void_p)
        self._hook(_HOOK_BLOCK, self._ours.ef_on_block)
        if with_accesses:
            self._hook(_HOOK_ACCESS, self._ours.ef_on_access)

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
        """Whether it was the limit that stopped the core, before a block that is not counted."""
        return bool(self._state.is_over == 1)

    @property
    def is_full(self) -> bool:
        """Whether the program has more blocks than can be counted."""
        return bool(self._state.is_over == 2)

    def await_address(self, address: int | None) -> None:
        """Tell of the block at `address` too, and of no other that was waited for."""
        self._state.returns_to = _NOWHERE if address is None else address

    def executed(self) -> Iterator[tuple[int, int]]:
        """Address of each block, and the instructions of all its executions."""
        table = np.frombuffer(bytes(self._blocks), _BLOCK_TYPE)
        for address, _, instructions, _, executions in table[table["bytes"] > 0].tolist():
            yield address, instructions * executions

    def _hook(self, kind: int, function: Any) -> None:
        handle, state, everywhere = ctypes.c_size_t(), ctypes.byref(self._state), (ctypes.c_uint64(1), ctypes.c_uint64(0))
        code = self._library.uc_hook_add(self._uc._uch, ctypes.byref(handle), kind, ctypes.cast(function, ctypes.c_void_p), state, *everywhere)
        if code:
            raise EmulatorError(f"Unicorn refuses a hook in C (error {code}); expected version 2.1.4: pip install 'emberflow[chip]'")


def _pack(instructions: int, is_watched: bool) -> int:
    return instructions | (_WATCHED if is_watched else 0)
