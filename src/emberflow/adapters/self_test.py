"""The product's self-test: the sources that ship, built for the target and run on the emulated core. Builds and runs; judges nothing.

    figures = with_self_test(proof.figures, shipped(name, files), target, toolchain)
    figures.self_test.passed

Built are the files of the firmware folder as they are, with the option EMBERFLOW_SELF_TEST on: from reset by way of start-up into main, whose test takes
raw samples through standardization, quantization, model and decision. In a chip's memory that is too small the program is run in an imagined one.
"""

from emberflow.adapters.emulator import Emulator, Run
from emberflow.adapters.linking import Placed, place
from emberflow.adapters.toolchain import Options, Toolchain
from emberflow.errors import ChipError, EmulatorError
from emberflow.firmware.shipped import Shipped
from emberflow.on_chip import OnChip, SelfTest
from emberflow.target import Target


def with_self_test(figures: OnChip, program: Shipped, target: Target, toolchain: Toolchain) -> OnChip:
    """`figures` with what the self-test of `program` showed; as they were where the model itself could not be run.

    Raises: as `run_self_test`, but for an emulator that can't run it, which is told in the figures.
    """
    if figures.emulated is None:
        return figures
    try:
        return figures.model_copy(update={"self_test": run_self_test(program, target, toolchain)})
    except EmulatorError as error:
        return figures.model_copy(update={"unproven": figures.unproven or f"the self-test was not run: {error}"})


def run_self_test(program: Shipped, target: Target, toolchain: Toolchain) -> SelfTest:
    """Build `program` with its test, and run it from reset to its end.

    Raises: ToolchainError: no compiler, or it refuses the sources. EmulatorError: no emulated core. TargetError: a core that we don't know.
        ImageError: the program has no self-test. DoesNotFit: not even into an imagined memory. BundleError: as `Shipped.tests`.
    """
    placed = place(toolchain, program.with_self_test, target, Options())
    built = SelfTest(core=target.core, samples=program.tests, flash_bytes=placed.image.flash_bytes, missing_bytes=dict(placed.missing_bytes))
    return built.model_copy(update=_run(placed, f"{program.name}_self_test", program.tests, toolchain))


def _run(placed: Placed, test: str, samples: int, toolchain: Toolchain) -> dict[str, object]:
    """The test is watched, because a program that ends without it ends well too."""
    try:
        execution = Emulator(toolchain).run(placed.image, placed.target, Run(watched=(test,)))
    except ChipError as error:
        return {"fault": str(error)}
    if len(execution.calls) != 1 or not 0 <= execution.exit_status <= samples:
        told = f"{test} returned {len(execution.calls)} times, and the program ended with status {execution.exit_status}"
        return {"fault": f"{told}; expected once, and 0 to {samples}", "stack_bytes": execution.stack_bytes}
    return {"failures": execution.exit_status, "stack_bytes": execution.stack_bytes}
