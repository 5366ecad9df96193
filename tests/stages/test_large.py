"""Data larger than memory: every stage that touches samples reads them from the file, some at a time."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from emberflow.adapters.crew import _surroundings

pytestmark = [pytest.mark.xdist_group("tensorflow"), pytest.mark.long]

SAMPLES, SAMPLE_BYTES = 6000, 4096 * 4 * 4
MARGIN_BYTES = 300_000_000
STAGES = ("prepare", "train", "compress prune50", "compress cluster16", "compress qat", "convert", "evaluate", "run on chip", "compete")


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_DATA counts private memory on Linux alone")
@pytest.mark.timeout(900)
def test_no_stage_holds_a_part_of_the_data(tmp_path: Path) -> None:
    """Three parts of 393 MB each, and 300 MB more private memory than for 64 samples: one copy of one part would end it."""
    assert SAMPLES * SAMPLE_BYTES > 1.3 * MARGIN_BYTES
    command = [sys.executable, Path(__file__).with_name("large.py"), tmp_path, SAMPLES, MARGIN_BYTES]

    ended = subprocess.run(list(map(str, command)), env=os.environ | _surroundings(1), capture_output=True, text=True, check=False)

    told = [line.removeprefix("many: ") for line in ended.stdout.splitlines() if line.startswith("many: ")]
    assert list(STAGES) == [line.rpartition(": ")[0] for line in told], ended.stderr[-3000:]
    assert {"prepare": "393216128", "train": "6000", "evaluate": "6000", "compete": "6000"}.items() <= dict(
        line.rsplit(": ", 1) for line in told
    ).items()
