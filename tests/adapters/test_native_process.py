"""The process that runs generated C: .npz in, .npz out."""

import io
import subprocess
import sys

import numpy as np


def test_outputs_come_as_bytes(toolchain, chip):
    """Two samples; each byte plus one."""
    library = toolchain.build_for_host(chip.MODEL)
    codes = np.arange(96, dtype=np.int8).reshape(2, 48)
    request = io.BytesIO()
    np.savez(request, library=np.array(str(library)), function=np.array("tiny_infer"), codes0=codes, output_bytes=np.array([48]))

    ended = subprocess.run([sys.executable, "-m", "emberflow.adapters.native_process"], input=request.getvalue(), capture_output=True, check=True)

    with np.load(io.BytesIO(ended.stdout)) as answer:
        assert np.array_equal((codes + 1).astype(np.uint8), answer["outputs0"])
