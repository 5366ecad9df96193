"""What a variant takes on the device: of the linked firmware where there is one, estimated elsewhere. Arithmetic only; measures nothing."""

from emberflow.on_chip import OnChip
from emberflow.target import Target, TargetKind
from emberflow.variant import Footprint, MicroVerdict, Size

# TensorFlow Lite for Microcontrollers with reference kernels, linked for an STM32F405 (Cortex-M4F): flash in all minus the bytes
# of the model was 35.5 KiB for DS-CNN (88.2 - 52.7), 23.5 for MobileNetV1-0.25 (349 - 325.5), 44.7 for ResNet-8 (140.9 - 96.2)
# and 68.5 for the autoencoder (339 - 270.5). Their median, rounded.
TFLM_FLASH_BYTES = 40 * 1024

# The stack of an inference was 464 to 1,332 B on the same chip. The arena needs no allowance: the one counted on a 64-bit host
# reads high for a 32-bit chip.
TFLM_STACK_BYTES = 1024


def measured(on_chip: OnChip, target: Target) -> Footprint:
    """Flash and RAM as linked, in bytes; stack and instructions as the emulated core showed them.

    latency_us is instructions / clock_hz: one instruction a cycle, which flash wait states, branches and divisions exceed, and which cores that
    issue two instructions at a time go below.
    """
    linked, emulated = on_chip.linked, on_chip.emulated
    imagined = ", linked for a larger memory because it doesn't fit" if linked.missing_bytes else ""
    return Footprint(
        flash_bytes=linked.flash_bytes,
        ram_bytes=linked.ram_bytes,
        stack_bytes=on_chip.stack_bytes,
        instructions=emulated.instructions if emulated else None,
        latency_us=emulated.instructions / target.clock_hz * 1e6 if emulated else None,
        is_measured=True,
        basis=f"measured from the linked firmware{imagined}: RAM is arena, data, bss and the {linked.reserved_stack_bytes:,} B set aside for the stack",
    )


def estimate(size: Size, micro: MicroVerdict, target: Target) -> Footprint:
    """Flash and RAM that a variant takes on `target`, in bytes.

    Microcontroller: flash is the .tflite and a typical TFLM runtime; RAM is TFLM's arena and stack, or, where TFLM doesn't run the
    model, the largest set of activations alive at once, which is a lower bound. Linux: flash is the file; RAM is the
    file, loaded whole, and its activations.
    """
    if target.kind is TargetKind.LINUX:
        return Footprint(
            flash_bytes=size.file_bytes,
            ram_bytes=size.file_bytes + size.peak_activation_bytes,
            basis="estimated: the file, loaded whole, and its largest set of live activations; LiteRT's own library is not counted",
        )
    if micro.arena_bytes is None:
        return Footprint(
            flash_bytes=size.file_bytes + TFLM_FLASH_BYTES,
            ram_bytes=size.peak_activation_bytes,
            basis="estimated: TFLM doesn't run the model, so RAM is its largest set of live activations alone, a lower bound",
        )
    return Footprint(
        flash_bytes=size.file_bytes + TFLM_FLASH_BYTES,
        ram_bytes=micro.arena_bytes + TFLM_STACK_BYTES,
        basis="estimated, no firmware was linked: the file and 40 KiB for TFLM in flash; TFLM's arena and 1 KiB of stack in RAM",
    )
