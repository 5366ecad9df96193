"""A target's memory inside Unicorn, to the byte: maps regions, loads a program, paints the stack. Knows addresses; runs nothing."""

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from emberflow.errors import ChipFault, ImageError
from emberflow.firmware.chip.image import Image
from emberflow.target import Region, Target

_PAGE_BYTES = 4096  # Unicorn maps no less
_READ, _WRITE, _EXECUTE = 1, 2, 4  # UC_PROT_*
_PAINT = b"\xa5"


class ChipMemory:
    """The memory of `target` in the core `uc`, with `image` in it.

    Raises: ImageError: a piece of the image lies outside the memory map.
    """

    def __init__(self, uc: Any, target: Target, image: Image) -> None:
        self._uc = uc
        code = [segment.address for segment in image.segments if segment.is_executable]
        self._access = {region: _allowed(region, code) for region in target.regions}
        self._stack = _stack_of(image)
        for start, size, allowed in _pages(self._access):
            uc.mem_map(start, size, allowed)
        for segment in image.segments:
            if segment.data:
                if not self._region(segment.load_address, len(segment.data)):
                    raise ImageError(
                        f"received a program with {len(segment.data):,} B at {segment.load_address:#010x}, {self.describe(segment.load_address)};"
                        f" expected one that was linked for {target.name}"
                    )
                uc.mem_write(segment.load_address, segment.data)
        if self._stack and self._region(self._stack[0], self._stack[1] - self._stack[0]):
            uc.mem_write(self._stack[0], _PAINT * (self._stack[1] - self._stack[0]))

    def gaps(self) -> Iterator[tuple[int, int]]:
        """First and last address of what Unicorn maps too much: the rest of a page at a region's end or start."""
        edges = sorted((region.origin, region.origin + region.size_bytes) for region in self._access)
        for start, size, _ in _pages(self._access):
            free = start
            for low, high in edges:
                if start <= low < start + size:
                    if low > free:
                        yield free, low - 1
                    free = high
            if free < start + size:
                yield free, start + size - 1

    def mem_read(self, address: int, size: int) -> bytes:
        """`size` bytes from `address`. Raises: ChipFault: they are not all in one region."""
        self._check_spans(address, size)
        return bytes(self._uc.mem_read(address, size))

    def mem_write(self, address: int, data: bytes) -> None:
        """Put `data` at `address`. Raises: ChipFault: not RAM."""
        region = self._check_spans(address, len(data))
        if not self._access[region] & _WRITE:
            raise ChipFault(f"asked the debugger to write {len(data):,} B to {address:#010x}, which is {region.name}", address=address)
        self._uc.mem_write(address, data)

    def is_code(self, address: int) -> bool:
        """Whether the core may execute what lies at `address`."""
        region = self._region(address)
        return region is not None and bool(self._access[region] & _EXECUTE)

    def words_at(self, address: int, count: int) -> tuple[int, ...]:
        """Little-endian words of 32 bits."""
        data = self.mem_read(address, 4 * count)
        return tuple(int.from_bytes(data[i : i + 4], "little") for i in range(0, len(data), 4))

    def painted_depth(self) -> int:
        """Bytes of the stack from its top to the lowest one that was written; 0 when the image names no stack."""
        if not self._stack:
            return 0
        limit, top = self._stack
        clean = self.mem_read(limit, top - limit)
        return len(clean.lstrip(_PAINT))

    def describe(self, address: int) -> str:
        """What lies at `address`, for a message."""
        if region := self._region(address):
            return f"which is {region.name}"
        if self._stack and 0 < self._stack[0] - address <= _PAGE_BYTES:
            return f"where there is no memory: the stack, which begins at {self._stack[0]:#010x}, overflowed"
        below = max((r for r in self._access if r.origin <= address), key=lambda r: r.origin, default=None)
        return "where there is no memory" + (f"; {below.name} ends at {below.origin + below.size_bytes:#010x}" if below else "")

    def _region(self, address: int, size: int = 1) -> Region | None:
        """The region that holds all of `size` bytes from `address`."""
        return next((r for r in self._access if r.origin <= address and address + size <= r.origin + r.size_bytes), None)

    def _check_spans(self, address: int, size: int) -> Region:
        region = self._region(address, size)
        if region is None:
            raise ChipFault(f"asked the debugger for {size:,} B at {address:#010x}, which are not all in one memory", address=address)
        return region


def _stack_of(image: Image) -> tuple[int, int] | None:
    """Where the linker script says that the stack ends and begins."""
    limit, top = (image.symbols.get(name) for name in ("__stack_limit", "__stack_top"))
    return (limit.address, top.address) if limit and top and limit.address < top.address else None


def _allowed(region: Region, code: list[int]) -> int:
    holds_code = any(region.origin <= address < region.origin + region.size_bytes for address in code)
    if region.name == "flash":
        return _READ | _EXECUTE
    return _READ | _WRITE | (_EXECUTE if holds_code else 0)


def _pages(access: dict[Region, int]) -> Iterator[tuple[int, int, int]]:
    """Start, size and rights of what is to be mapped: whole pages, neighbours with the same rights in one piece."""
    rights: dict[int, int] = {}
    for region, allowed in access.items():
        for page in range(region.origin // _PAGE_BYTES, -(-(region.origin + region.size_bytes) // _PAGE_BYTES)):
            rights[page] = rights.get(page, 0) | allowed
    ordered = enumerate(sorted(rights))
    for (_, allowed), group in groupby(ordered, key=lambda item: (item[1] - item[0], rights[item[1]])):
        pages = [page for _, page in group]
        yield pages[0] * _PAGE_BYTES, len(pages) * _PAGE_BYTES, allowed
