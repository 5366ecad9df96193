"""Where tensors lie while a model is trained: in the heap, and not in maps of their own. Knows glibc's mallopt; elsewhere it does nothing.

TensorFlow 2.21 has glibc map and unmap each block of more than 128 KiB under Python 3.11 and later, as soon as a data set is made of a generator
(`tensorflow::data::ApplyPython311MemoryPatch`): the kernel then hands out every page of every tensor anew in each step.
"""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

_TOP_PAD, _MMAP_THRESHOLD = -2, -3  # M_TOP_PAD and M_MMAP_THRESHOLD of malloc.h
_USUAL_BYTES = 128 * 1024  # of both, as glibc begins and TensorFlow sets them
_LARGEST_BYTES = 32 * 1024**2  # the highest threshold that glibc takes
_KEPT_BYTES = 16 * 1024**2  # of free memory at the end of the heap, for the next tensors


def keep() -> None:
    """From now on blocks of less than 32 MiB lie in the heap. TensorFlow undoes it with each data set: to be said again with each step, in microseconds."""
    _set(_KEPT_BYTES, _LARGEST_BYTES)


def give_back() -> None:
    """Blocks are mapped again as before `keep`, and what is free goes back to the system."""
    _set(_USUAL_BYTES, _USUAL_BYTES)
    if trim := getattr(_libc(), "malloc_trim", None):
        trim(ctypes.c_size_t(0))


@contextmanager
def given_back() -> Iterator[None]:
    """As `give_back`, at the end."""
    try:
        yield
    finally:
        give_back()


def _set(top_pad_bytes: int, threshold_bytes: int) -> None:
    if mallopt := getattr(_libc(), "mallopt", None):
        mallopt(_TOP_PAD, top_pad_bytes)
        mallopt(_MMAP_THRESHOLD, threshold_bytes)


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None)
