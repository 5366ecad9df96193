"""The decoders of `kernels/rows.h` on this machine, reading arrays behind which nothing may be read."""

import ctypes
import functools
import mmap
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from emberflow.compiler.emit import kernel_text
from emberflow.compiler.weights import SCRATCH_MULTIPLE, Encoding
from tests.compiler.harness import zig

DRIVER = """
typedef void (*decoder)(ef_rows *, int8_t *);
typedef int32_t (*multiplier)(ef_rows *, const int8_t *);
static const decoder decoders[] = {ef_decode_bitmap, ef_decode_table_1, ef_decode_table_2, ef_decode_table_3,
  ef_decode_table_4, ef_decode_table_5, ef_decode_table_6, ef_decode_bitmap_table};
static const multiplier multipliers[] = {ef_dot_bitmap, ef_dot_table_1, ef_dot_table_2, ef_dot_table_3,
  ef_dot_table_4, ef_dot_table_5, ef_dot_table_6, ef_dot_bitmap_table};

void run(int32_t which, ef_packing *p, int32_t count, int32_t stride, int8_t *rows, const int8_t *in, int32_t *sums) {
  p->next.decode = decoders[which];
  ef_rows reader = ef_first_row(p);
  for (int32_t i = 0; i < count; ++i) p->next.decode(&reader, rows + i * stride);
  p->next.dot = multipliers[which];
  reader = ef_first_row(p);
  for (int32_t i = 0; i < count; ++i) sums[i] = p->next.dot(&reader, in);
}
"""


class Parameters(ctypes.Structure):
    """`ef_packing`."""

    _fields_ = (
        ("next", ctypes.c_void_p),
        ("codes", ctypes.c_void_p),
        ("masks", ctypes.c_void_p),
        ("tables", ctypes.c_void_p),
        ("numbers", ctypes.c_void_p),
        ("depth", ctypes.c_uint16),
        ("bits", ctypes.c_uint8),
        ("in_word", ctypes.c_uint8),
        ("entries", ctypes.c_uint8),
    )


@functools.cache
def library(flavour):
    """The decoders, built with undefined behaviour ending the process."""
    flags = ["-std=c11", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-fsanitize=undefined", "-fsanitize-trap=undefined"]
    flags += ["-DEF_EMULATE_DSP"] if flavour == "dsp" else []
    with tempfile.TemporaryDirectory() as folder:
        source, made = Path(folder) / "decoders.c", Path(folder) / "decoders.so"
        source.write_text(kernel_text(["rows"]) + DRIVER, encoding="utf-8")
        ended = subprocess.run([*zig(), *flags, "-o", made, source], capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr
        return ctypes.CDLL(str(made))


class Guarded:
    """Bytes at the very end of a page, before one that can't be read: a single byte too far ends the process."""

    def __init__(self, values):
        data = values.tobytes()
        pages = -(-len(data) // mmap.PAGESIZE) + 1
        self._pages = mmap.mmap(-1, (pages + 1) * mmap.PAGESIZE)
        base = ctypes.addressof(ctypes.c_char.from_buffer(self._pages))
        self.address = base + pages * mmap.PAGESIZE - len(data) if data else None
        self._pages[pages * mmap.PAGESIZE - len(data) : pages * mmap.PAGESIZE] = data
        assert 0 == ctypes.CDLL(None).mprotect(ctypes.c_void_p(base + pages * mmap.PAGESIZE), mmap.PAGESIZE, 0)


def decode(packed, count, inputs, flavour="plain"):
    """What C makes of packed rows: rows as they stand in scratch with 0x55 where nothing was written, and their products with `inputs`."""
    which = {Encoding.BITMAP: 0, Encoding.TABLE: packed.bits, Encoding.BITMAP_TABLE: 7}[packed.encoding]
    arrays = [Guarded(values) for values in (packed.codes, packed.masks, packed.tables, packed.numbers, inputs)]
    stride = -(-packed.depth // SCRATCH_MULTIPLE) * SCRATCH_MULTIPLE
    rows, sums = np.full((count, stride), 0x55, np.int8), np.zeros(count, np.int32)
    in_word = 32 // packed.bits if packed.bits else 0
    parameters = Parameters(None, *(array.address for array in arrays[:4]), packed.depth, packed.bits, in_word, packed.entries)
    library(flavour).run(
        which,
        ctypes.byref(parameters),
        count,
        stride,
        rows.ctypes.data_as(ctypes.c_void_p),
        ctypes.c_void_p(arrays[4].address),
        sums.ctypes.data_as(ctypes.c_void_p),
    )
    return rows, sums
