"""The stage that puts a compiled variant on the test bench: linked, run on the emulated core, proven, scored. Files in, values out.

It stands here and not among `stages` because it needs toolchain and emulator; it knows neither store nor Prefect. What is missing on this machine
is an answer, not an error: the pipeline goes on without the chip's figures.
"""

from pathlib import Path

import numpy as np

from emberflow.adapters.proof import Claim, Proof, prove
from emberflow.adapters.toolchain import Toolchain
from emberflow.errors import DoesNotFit, GraphError, TargetError, ToolchainError
from emberflow.evaluate import micro
from emberflow.evaluate.borders import quantize
from emberflow.evaluate.grading import Grading
from emberflow.evaluate.litert import read_borders
from emberflow.firmware.chip.program import linker_script, product_program
from emberflow.on_chip import OnChip
from emberflow.stages.compile import read_sources
from emberflow.target import Target
from emberflow.task import TaskKind
from emberflow.units import show_bytes
from emberflow.values import Report, Value
from emberflow.variant import Quality

_NOTHING = b"int main(void) { return 0; }\n"


class Assignment(Value):
    """What is to be put on the bench: sources and model by path, the test part, and the device."""

    name: str
    sources: Path
    model: Path
    x: Path
    y: Path
    grading: Grading = Grading()
    target: Target
    toolchain: Path


class Finding(Value):
    """What the bench showed; `why_not` says why there is nothing."""

    on_chip: OnChip | None = None
    quality: Quality | None = None
    why_not: str = ""


def run_on_chip(assignment: Assignment, report: Report) -> Finding:
    """Figures, proof and quality of the firmware. Raises: WorkerLost: TFLM's process was ended from outside."""
    model = assignment.model.read_bytes()
    borders = read_borders(model)
    codes = quantize(np.load(assignment.x), borders.input)
    claim = Claim(model, assignment.name, read_sources(assignment.sources), keeps_input=assignment.grading.task.kind is TaskKind.ANOMALY)
    try:
        proof = prove(claim, (codes,), assignment.target, Toolchain(assignment.toolchain))
    except (ToolchainError, TargetError, GraphError, DoesNotFit) as error:
        report("not on the chip")
        return Finding(why_not=str(error))
    report(_tell(proof.figures))
    return Finding(on_chip=proof.figures, quality=_quality(proof, assignment))


def get_ready(target: Target, toolchain: Path, report: Report) -> None:
    """Have the compiler build what it builds once for each core and for this machine; without a compiler nothing happens, for that is told later."""
    tools = Toolchain(toolchain)
    startup = product_program("nothing")["startup.c"]
    try:
        tools.build({"startup.c": startup, "main.c": _NOTHING}, target, linker_script(target))
        tools.build_for_host({"main.c": _NOTHING})
    except (ToolchainError, TargetError) as error:
        report(str(error))
        return
    report(f"ready for {target.core}")


def _quality(proof: Proof, assignment: Assignment) -> Quality | None:
    if proof.outputs is None:
        return None
    model, grading = assignment.model.read_bytes(), assignment.grading
    thresholds = grading.thresholds(model, micro.run)  # the C gives TFLM's bytes, or is refuted
    answers = grading.decide(grading.predictions(model, np.load(assignment.x), proof.outputs[0]), thresholds)
    return grading.examiner().assess("C on this machine", np.load(assignment.y), answers, thresholds)


def _tell(figures: OnChip) -> str:
    said = [f"flash {show_bytes(figures.linked.flash_bytes)}, RAM {show_bytes(figures.linked.ram_bytes)}"]
    if figures.emulated:
        said.append(f"{figures.emulated.instructions:,} instructions")
    said.append("equal to TFLM" if figures.is_proven else "not equal to TFLM" if figures.is_refuted else "not proven")
    return ", ".join(said)
