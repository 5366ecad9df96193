"""The convert stage writes a .tflite and says how large it is."""

from pathlib import Path
from typing import Any

import pytest

from emberflow.evaluate import litert
from emberflow.evaluate.size import measure_size

pytestmark = pytest.mark.xdist_group("tensorflow")


def test_the_file_is_a_tflite_in_the_format_asked_for(bench: Any, tflite: Path) -> None:
    """Full integer, with the zeros of the pruned model."""
    data = tflite.read_bytes()

    assert litert.read_borders(data).input.dtype == litert.read_borders(data).output.dtype == "int8"
    assert measure_size(data).sparsity == pytest.approx(52 / 104, abs=0.03)
    assert f"{len(data):,} B" in bench.lines
