import pytest

from emberflow.evaluate.footprint import estimate
from emberflow.recipe import Format
from emberflow.target import Target, TargetKind
from emberflow.variant import MicroVerdict, Size

SIZE = Size(
    file_bytes=20_000, compressed_bytes=9_000, parameters=15_000, macs=100_000, peak_activation_bytes=3_000, sparsity=0.0, operators={}, layers=()
)
RUNS = MicroVerdict(runs=True, reason="", arena_bytes=5_248)
REFUSED = MicroVerdict(runs=False, reason="TFLM has no kernel for ATAN2")


def device(kind: TargetKind) -> Target:
    return Target(
        name="a",
        title="A",
        kind=kind,
        core="cortex-m4f",
        fpu=True,
        dsp=True,
        clock_hz=168_000_000,
        flash_bytes=1 << 20,
        ram_bytes=128 << 10,
        regions=(),
        formats=(Format.INT8,),
        sources={},
    )


@pytest.mark.parametrize(
    ("kind", "verdict", "flash_bytes", "ram_bytes", "basis"),
    [
        # 20,000 + 40 * 1024; 5,248 + 1,024
        (TargetKind.MICROCONTROLLER, RUNS, 60_960, 6_272, "estimated, no firmware was linked: "),
        (TargetKind.MICROCONTROLLER, REFUSED, 60_960, 3_000, "estimated: TFLM doesn't run the model, "),
        # the file, loaded whole, and 3,000 of activations
        (TargetKind.LINUX, RUNS, 20_000, 23_000, "estimated: the file, loaded whole, "),
        (TargetKind.LINUX, REFUSED, 20_000, 23_000, "estimated: the file, loaded whole, "),
    ],
    ids=["tflm runs", "tflm refuses", "linux", "linux, tflm refuses"],
)
def test_footprints_worked_out_by_hand(kind: TargetKind, verdict: MicroVerdict, flash_bytes: int, ram_bytes: int, basis: str) -> None:
    """And each says that it is an estimate, and of what."""
    footprint = estimate(SIZE, verdict, device(kind))

    assert (footprint.flash_bytes, footprint.ram_bytes) == (flash_bytes, ram_bytes)
    assert footprint.basis.startswith(basis)
