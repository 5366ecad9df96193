"""A process of its own for generated C: a shared library and input codes in, outputs out, as .npz. Run by `native.py`; knows no model."""

import ctypes
import io
import sys

import numpy as np


def main() -> int:
    """Read `library`, `function`, `codes` and `output` (one output's bytes) from stdin; write `outputs`, shape (n, bytes), to stdout."""
    with np.load(io.BytesIO(sys.stdin.buffer.read())) as request:
        codes = np.ascontiguousarray(request["codes"])
        outputs = np.zeros((len(codes), int(request["output_bytes"])), np.uint8)
        infer = getattr(ctypes.CDLL(str(request["library"])), str(request["function"]))
    for sample, output in zip(codes, outputs, strict=True):
        infer(sample.ctypes.data_as(ctypes.c_void_p), output.ctypes.data_as(ctypes.c_void_p))
    np.savez(sys.stdout.buffer, allow_pickle=False, outputs=outputs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
