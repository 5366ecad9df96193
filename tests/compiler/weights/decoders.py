"""The decoders of `kernels/rows.h` on this machine, reading arrays behind which nothing may be read."""

import ctypes
import functools
import mmap
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from emberflow.compiler.emit import kernel_text
from emberflow.compiler.weights.codec import MOST_BITS
from tests.compiler.harness import zig

BITS = range(1, MOST_BITS + 1)
KINDS = ["bitmap", *(f"bitmap_table_{bits}" for bits in BITS), *(f"table_{bits}" for bits in BITS)]
DRIVER = f"""
static int32_t (*const dots[])(ef_rows *, const int8_t *) = {{{", ".join(f"ef_dot_{kind}" for kind in KINDS)}}};
static void (*const fours[])(ef_rows *, const void *, int32_t *) = {{{", ".join(f"ef_four_{kind}" for kind in KINDS)}}};

void dot(int32_t which, ef_packing *p, int32_t count, const int8_t *in, int32_t *sums) {{
  p->next.dot = dots[which];
  ef_rows reader = ef_first_row(p);
  for (int32_t i = 0; i < count; ++i) sums[i] = p->next.dot(&reader, in);
}}

void four(int32_t which, ef_packing *p, int32_t count, const void *in, int32_t *sums) {{
  p->next.four = fours[which];
  ef_rows reader = ef_first_row(p);
  for (int32_t i = 0; i < count; ++i) p->next.four(&reader, in, sums + 4 * i);
}}

/* Columns as conv.h makes them of a picture of four pixels. */
void columns(int32_t depth, const int8_t *in, void *to) {{
  ef_conv p = {{.in_height = 1, .in_width = 4, .in_channels = depth, .out_width = 4, .height = 1, .width = 1, .groups = 1,
    .stride_y = 1, .stride_x = 1, .dilation_y = 1, .dilation_x = 1}};
  ef_columns(&p, in, 0, 0, 4, to);
}}
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
        ("entries", ctypes.c_uint8),
    )


@functools.cache
def library(flavour):
    """The decoders, built with undefined behaviour ending the process."""
    flags = ["-std=c11", "-O0", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-fsanitize=undefined", "-fsanitize-trap=undefined"]
    flags += ["-DEF_EMULATE_DSP"] if flavour == "dsp" else []
    with tempfile.TemporaryDirectory() as folder:
        source, made = Path(folder) / "decoders.c", Path(folder) / "decoders.so"
        source.write_text(kernel_text(["rows", "conv"]) + DRIVER, encoding="utf-8")
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


class Decoder:
    """Packed rows in flash that ends where they end."""

    def __init__(self, packed, count, flavour):
        self._arrays = [Guarded(values) for values in (packed.codes, packed.masks, packed.tables, packed.numbers)]
        self._parameters = Parameters(None, *(array.address for array in self._arrays), packed.depth, packed.entries)
        self._kind = packed.encoding.replace("-", "_") + (f"_{packed.bits}" if packed.bits else "")
        self._library, self._count = library(flavour), count

    def dot(self, inputs):
        """Products of each row with `inputs`, (depth,) int8: (count,)."""
        return self._sums("dot", inputs, self._count)

    def four(self, inputs):
        """Products of each row with four inputs, (4, depth) int8: (count, 4), to which 5 was added before."""
        return self._sums("four", self._columns(inputs), (self._count, 4))

    def _columns(self, inputs):
        if "bitmap" in self._kind:
            return inputs.T
        columns = np.zeros(9 * (inputs.shape[1] + -inputs.shape[1] % 4), np.int8)
        self._library.columns(inputs.shape[1], inputs.ctypes.data_as(ctypes.c_void_p), columns.ctypes.data_as(ctypes.c_void_p))
        return columns

    def _sums(self, function, inputs, shape):
        guarded, sums = Guarded(np.ascontiguousarray(inputs)), np.full(shape, 5, np.int32)
        self._call(function, ctypes.c_void_p(guarded.address), sums.ctypes.data_as(ctypes.c_void_p))
        return sums

    def _call(self, function, *arguments):
        getattr(self._library, function)(KINDS.index(self._kind), ctypes.byref(self._parameters), self._count, *arguments)
