"""The stage that puts a compiled variant on the test bench: linked, run on the emulated core, proven, self-tested, scored. Files in, values out.

It stands here and not among `stages` because it needs toolchain and emulator; it knows neither store nor Prefect. What is missing on this machine
is an answer, not an error: the pipeline goes on without the chip's figures.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
from pydantic import Field

from emberflow.adapters.proof import Claim, Expected, Proof, prove
from emberflow.adapters.self_test import with_self_test
from emberflow.adapters.toolchain import Toolchain
from emberflow.errors import BundleError, DoesNotFit, GraphError, TargetError, ToolchainError
from emberflow.evaluate import micro
from emberflow.evaluate.borders import codes_of
from emberflow.evaluate.grading import Grading
from emberflow.evaluate.litert import read_borders
from emberflow.firmware.application import Application
from emberflow.firmware.chip.program import linker_script, product_program
from emberflow.firmware.decision import Decision
from emberflow.firmware.folder import Build, Product, render_firmware
from emberflow.firmware.shipped import Shipped, shipped
from emberflow.on_chip import OnChip
from emberflow.stages.compile import read_sources
from emberflow.stages.vectors import answered
from emberflow.standardization import Standardization
from emberflow.target import Target
from emberflow.units import show_bytes
from emberflow.values import Report, Value
from emberflow.variant import Quality

_NOTHING = b"int main(void) { return 0; }\n"


class Assignment(Value):
    """What is to be put on the bench: sources and model by path, the test part, what stands around the model in the product, and the device."""

    name: str
    sources: Path
    model: Path
    x: Path
    y: Path
    expected: Path | None = Field(default=None, description="TFLM's outputs for `x`, where it has run; without them it runs here")
    vectors: tuple[Path, Path] = Field(description="raw samples, and their truth")
    standardization: Standardization | None
    labels: tuple[str, ...]
    unit: str = Field(default="", description="of a regression's values")
    grading: Grading
    target: Target
    toolchain: Path


class Finding(Value):
    """What the bench showed; `why_not` says why there is nothing."""

    on_chip: OnChip | None = None
    quality: Quality | None = None
    why_not: str = ""


def run_on_chip(assignment: Assignment, report: Report) -> Finding:
    """Figures, proof, self-test and quality of the firmware. Raises: WorkerLost: TFLM's process was ended from outside."""
    model = assignment.model.read_bytes()
    codes = codes_of(np.load(assignment.x, mmap_mode="r"), read_borders(model).input)
    tools = Toolchain(assignment.toolchain)
    try:
        thresholds = assignment.grading.thresholds(model, micro.run)  # the C gives TFLM's bytes, or is refuted
        product = _product(assignment, model, thresholds)
        claim = Claim(model, product.name, product.build.sources, _program(product).sources)
        proof = prove(claim, (codes,), assignment.target, tools, expected=_expected(assignment))
        tested = replace(product, build=replace(product.build, on_chip=proof.figures))  # leaves room for the product
        figures = with_self_test(proof.figures, _program(tested), assignment.target, tools)
    except (ToolchainError, TargetError, GraphError, DoesNotFit, BundleError) as error:
        report("not on the chip")
        return Finding(why_not=str(error))
    report(_tell(figures))
    return Finding(on_chip=figures, quality=_quality(proof, assignment, thresholds))


def _expected(assignment: Assignment) -> Expected | None:
    return Expected((np.load(assignment.expected, mmap_mode="r"),)) if assignment.expected else None


def _product(assignment: Assignment, model: bytes, thresholds: tuple[float, ...]) -> Product:
    """As `bundle.describe_application` makes it of the record: the same sources ship. TFLM's operators and arena are no part of them."""
    grading, scale = assignment.grading, assignment.standardization
    app = Application(
        name=assignment.name,
        model=model,
        labels=assignment.labels,
        standardization=scale,
        vectors=answered(model, assignment.vectors, grading.task.kind, scale, micro.run),
        operators={},
        decision=Decision(grading.task.kind, thresholds, grading.target, assignment.unit),
    )
    return Product(app, assignment.target, Build(read_sources(assignment.sources)))


def _program(product: Product) -> Shipped:
    return shipped(product.name, render_firmware(product))


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


def _quality(proof: Proof, assignment: Assignment, thresholds: tuple[float, ...]) -> Quality | None:
    if proof.outputs is None:
        return None
    model, grading = assignment.model.read_bytes(), assignment.grading
    x = np.load(assignment.x, mmap_mode="r")
    answers = grading.decide(grading.predictions(model, x, proof.outputs[0]), thresholds)
    return grading.examiner().assess("C on this machine", np.load(assignment.y), answers, thresholds)


def _tell(figures: OnChip) -> str:
    said = [f"flash {show_bytes(figures.linked.flash_bytes)}, RAM {show_bytes(figures.linked.ram_bytes)}"]
    if figures.emulated:
        said.append(f"{figures.emulated.instructions:,} instructions")
    said.append("equal to TFLM" if figures.is_proven else "not equal to TFLM" if figures.is_refuted else "not proven")
    if figures.self_test:
        said.append("self-test passed" if figures.self_test.passed else "self-test failed")
    return ", ".join(said)
