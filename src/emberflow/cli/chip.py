"""What `compile` and `verify` share: targets, the reference's outputs, and a proof, or the reason why there is none. Calls; prints nothing."""

from collections.abc import Mapping
from pathlib import Path

from emberflow.adapters.proof import Claim, Expected, prove
from emberflow.adapters.self_test import run_self_test, with_self_test
from emberflow.adapters.toolchain import Compiler, Toolchain, default_cache
from emberflow.compiler import Parity
from emberflow.errors import DoesNotFit, TargetError, ToolchainError
from emberflow.evaluate import litert, reference
from emberflow.export import Making
from emberflow.firmware.shipped import Shipped
from emberflow.on_chip import OnChip, SelfTest
from emberflow.samples import Samples
from emberflow.target import Target, TargetKind, find_target, read_target
from emberflow.values import Arrays

REFERENCES = {Parity.TFLM: "TensorFlow Lite for Microcontrollers", Parity.LITERT_REFERENCE: "LiteRT's reference kernels"}
COMPILERS = {Compiler.ZIG: "zig cc -Os", Compiler.GNU: "arm-none-eabi-gcc -O2"}


def chosen_target(name: str) -> Target:
    """The target called `name`, or that of the user's file. Raises: TargetError: there is none, or it is no microcontroller."""
    target = read_target(Path(name)) if name.endswith(".toml") else find_target(name)
    if target.kind is not TargetKind.MICROCONTROLLER:
        raise TargetError(f"received '{name}', which runs the .tflite itself; expected a microcontroller: `emberflow targets` lists them")
    return target


def reference_outputs(model: bytes, samples: Samples, parity: Parity) -> Arrays:
    """What the reference gives for `samples`: shape (n, *output_shape) for each output. Raises: GraphError: it doesn't run the model."""
    if parity is Parity.TFLM:
        return reference.outputs(model, samples.codes)
    return litert.run_all(model, samples.codes, litert.Kernels.REFERENCE)


def try_to_prove(claim: Claim, codes: Arrays, expected: Arrays, target: Target, making: Making) -> tuple[OnChip | None, str]:
    """What was measured, and why nothing is proven; "" when it is.

    Args: expected: the reference's outputs for `codes`.
    Raises as `prove`, but for a compiler that is missing or fails.
    """
    toolchain = Toolchain(default_cache(), Compiler(making.compiler))
    try:
        on_chip = prove(claim, codes, target, toolchain, expected=Expected(expected, is_tflm=making.parity is Parity.TFLM)).figures
    except ToolchainError as error:
        return None, str(error)
    return on_chip, "" if on_chip.is_proven else _doubt(on_chip, REFERENCES[making.parity])


def try_to_test(on_chip: OnChip, program: Shipped, target: Target, making: Making) -> tuple[OnChip, str]:
    """`on_chip` with what the self-test of `program` showed, and why that is not passed; "" when it is.

    Raises: as `run_self_test`.
    """
    tested = with_self_test(on_chip, program, target, Toolchain(default_cache(), Compiler(making.compiler)))
    if tested.self_test is None:
        return tested, tested.fault or tested.unproven
    return tested, str(tested.self_test) if tested.fails_its_test else ""


def repeat_self_test(program: Shipped, target: Target) -> SelfTest:
    """What the self-test of `program` shows now. Raises: as `run_self_test`."""
    return run_self_test(program, target, Toolchain(default_cache()))


def _doubt(on_chip: OnChip, name: str) -> str:
    emulated = on_chip.emulated
    if emulated is None or emulated.parity.equal:
        return on_chip.fault or on_chip.unproven or "the C on this machine and on the emulated core differ; please report the model"
    differing = f"{emulated.parity.differing_bytes:,} of {emulated.parity.bytes:,} B differ from {name}"
    return f"{differing}: {emulated.first_difference}" if emulated.first_difference else differing


def refuse_what_is_too_large(missing_bytes: Mapping[str, int], target: Target) -> None:
    """Raises: DoesNotFit: says how much more flash or RAM the program needs than `target` has."""
    if missing_bytes:
        words = " and ".join(f"{count:,} B more {_WORDS.get(region, region)}" for region, count in sorted(missing_bytes.items()))
        raise DoesNotFit(
            f"needs {words} than {target.name} has; try a smaller model, or another target: `emberflow targets` lists them", missing_bytes
        )


_WORDS = {"flash": "flash", "sram": "RAM"}
