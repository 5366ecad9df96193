"""Where a block lies, by the kernel's own list of this process's memory."""

import subprocess
import sys

ASK = """
import ctypes
from emberflow import heap

libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p

def is_in_heap(mib):
    place = libc.malloc(ctypes.c_size_t(mib << 20))
    with open("/proc/self/maps", encoding="ascii") as maps:
        first, last = next(line.split()[0].split("-") for line in maps if line.endswith("[heap]\\n"))
    libc.free(ctypes.c_void_p(place))
    return int(first, 16) <= place < int(last, 16)

heap.keep()
kept = is_in_heap(1)
with heap.given_back():
    heap.keep()
print(kept, is_in_heap(8))
"""


def test_blocks_lie_in_the_heap_until_it_is_given_back() -> None:
    """In a process of its own; the second block is larger than the gap that the first may leave."""
    assert "True False\n" == subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True, check=True).stdout
