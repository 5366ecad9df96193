"""A process of its own for generated C: a shared library and input codes in, outputs out, as .npz. Run by `native.py`; knows no model."""

import ctypes
import io
import sys

import numpy as np


def main() -> int:
    """Read `library`, `function`, `codes0` and so on, and `output_bytes` (of each output) from stdin.

    Writes to stdout: `outputs0` and so on, shape (n, bytes) each.
    """
    with np.load(io.BytesIO(sys.stdin.buffer.read())) as request:
        codes = [np.ascontiguousarray(request[f"codes{n}"]) for n in range(sum(name.startswith("codes") for name in request.files))]
        outputs = [np.zeros((len(codes[0]), count), np.uint8) for count in request["output_bytes"].tolist()]
        infer = getattr(ctypes.CDLL(str(request["library"])), str(request["function"]))
    for borders in zip(*codes, *outputs, strict=True):
        infer(*(border.ctypes.data_as(ctypes.c_void_p) for border in borders))
    np.savez(sys.stdout.buffer, allow_pickle=False, **{f"outputs{n}": each for n, each in enumerate(outputs)})
    return 0


if __name__ == "__main__":
    sys.exit(main())
