"""Jobs for worker processes, which find this file on PYTHONPATH: calls that return, fail, hang, and take their process with them."""

import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from emberflow import errors


def double(number, report):
    """Tell of it twice, and do it."""
    report(f"doubling {number}")
    report("done")
    return 2 * number


def name_process(report):
    """The process id of the worker."""
    return os.getpid()


def leave_a_file(report):
    """The path of a temporary file that nobody removes."""
    handle, path = tempfile.mkstemp()
    os.close(handle)
    return path


def look_around(names, report):
    """What the environment says under these names."""
    return {name: os.environ.get(name) for name in names}


def refuse(error, report):
    """Raise one of Emberflow's own errors, by name."""
    raise getattr(errors, error)("received 3 labels; expected 2")


def stumble(report):
    """Raise an error that nobody foresaw."""
    raise KeyError("no such label")


def quit_early(report):
    """End as a script does."""
    sys.exit("no data")


def run_out_of_memory(report):
    """Raise as numpy does when an array can't be had."""
    raise MemoryError


class ResourceExhaustedError(Exception):
    """As TensorFlow's is called."""


def exhaust_tensorflow(report):
    """Raise as TensorFlow does when a tensor finds no room."""
    raise ResourceExhaustedError("failed to allocate memory\nand many lines more")


def fill_the_memory(report):
    """Ask for more than this process may have."""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))
    bytearray(2**31)


def return_what_cannot_travel(which, report):
    """A function without a name can't be pickled, nor can a lock."""
    return [lambda: None, threading.Lock()][which]


def hang(report):
    """Start a process of its own, tell both process ids, and never return."""
    child = subprocess.Popen(["sleep", "300"])  # noqa: S607
    report(f"{os.getpid()} {child.pid}")
    time.sleep(300)


def leave_child_and_crash(report):
    """Start a process, tell its id, and end as native code does that reads where it must not."""
    child = subprocess.Popen(["sleep", "300"])  # noqa: S607
    report(str(child.pid))
    os.kill(os.getpid(), signal.SIGSEGV)


def send_itself(number, report):
    """End by a signal."""
    os.kill(os.getpid(), number)


def leave(code, report):
    """End without a word, as native code that calls exit()."""
    os._exit(code)


def wait_for(file, report):
    """Return once `file` is there."""
    report("waiting")
    while not Path(file).exists():
        time.sleep(0.01)


def meet(mine, others, report):
    """Leave a file, and return once the other's is there: two of these end only side by side."""
    Path(mine).touch()
    wait_for(others, report)


def note(word, file, report):
    """Add a line to `file`."""
    with Path(file).open("a", encoding="utf-8") as notes:
        notes.write(f"{word}\n")


def work(file, report):
    """Note when it begins and when it ends."""
    note("+", file, report)
    time.sleep(0.05)
    note("-", file, report)


def count_page_faults(steps, report):
    """Of a step of training whose activations take 4 MiB each; the first epochs set up and aren't counted."""
    import numpy as np
    import tf_keras as keras

    from emberflow.training import Lesson, fit

    layers = [keras.layers.Conv1D(32, 5, padding="same", activation="relu"), keras.layers.GlobalAveragePooling1D(), keras.layers.Dense(3, "softmax")]
    model = keras.Sequential([keras.Input((128, 6)), *layers])
    x, y = np.zeros((256 * steps, 128, 6), np.float32), np.arange(256 * steps) % 3
    faults = []
    count = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda *_: faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt),
    )
    fit(model, Lesson(x, y, (x[:8], y[:8]), epochs=3, batch_size=256, learning_rate=1e-3, seed=1), report, [count])
    return (faults[-1] - faults[-steps]) / (steps - 1)
