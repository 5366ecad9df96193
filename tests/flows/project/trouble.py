"""The tiny project, but the first fine-tuning meets trouble: its process crashes, hangs, or finds no memory."""

import os
import signal
import time
from pathlib import Path

CALLS = Path(__file__).with_name("calls")
EPOCHS, STEPS, GLANCES = 2, 6, 1


def is_fine_tuning():
    """Whether the baseline's steps are over: they come first, each asks once for its batch, and Keras takes a glance at one before."""
    with CALLS.open("ab") as calls:
        calls.write(b".")
    return CALLS.stat().st_size > EPOCHS * STEPS + GLANCES


def crash(x, random):
    if is_fine_tuning():
        os.kill(os.getpid(), signal.SIGSEGV)
    return x


def hang(x, random):
    if is_fine_tuning():
        time.sleep(600)
    return x


def starve(x, random):
    if is_fine_tuning() and len(x) > 10:
        raise MemoryError
    return x
