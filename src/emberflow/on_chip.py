"""What a compiled variant is on the chip: what its firmware takes, what running it showed, and the proof. Values only; refuses to build or run."""

from pydantic import Field

from emberflow.values import Value


class Parity(Value):
    """Whether a runtime and TFLM gave the same outputs, byte for byte."""

    runtime: str = Field(description="what is compared with TFLM: LiteRT's kernels, default (XNNPACK) or reference, or the firmware")
    samples: int
    bytes: int = Field(description="bytes compared")
    differing_bytes: int
    differing_samples: int
    largest_difference: float = Field(description="in steps of the output's quantization; of a float output, in its own unit")
    distinct_outputs: int = Field(description="outputs that don't vary prove nothing")

    @property
    def equal(self) -> bool:
        """Whether not one byte differs."""
        return self.differing_bytes == 0


class Linked(Value):
    """The product's firmware as the linker made it, without its self-test: what ships."""

    flash_bytes: int = Field(description="code, constants and the first values of variables")
    variable_bytes: int = Field(description="RAM of arena, data and bss, without the stack")
    arena_bytes: int = Field(description="the part of the variables that holds activations, input and output")
    reserved_stack_bytes: int = Field(description="set aside for the stack; a program that links has it")
    sections: dict[str, int] = Field(description="bytes of each section that takes memory on the chip")
    missing_bytes: dict[str, int] = Field(description="by the region's name, how much more than it has; empty when the program fits")

    @property
    def ram_bytes(self) -> int:
        """All that the linker takes of RAM."""
        return self.variable_bytes + self.reserved_stack_bytes


class Packed(Value):
    """How the weights of one layer lie in flash: `plain`, or packed where that is smaller."""

    layer: str = Field(description="the layer's name, such as conv_2d_3")
    encoding: str
    plain_bytes: int = Field(description="as they are in the .tflite")
    stored_bytes: int = Field(description="as they were stored, with tables")
    added_instructions: int = Field(description="about how many more an inference takes than with plain weights; below 0, fewer")

    @property
    def saved_bytes(self) -> int:
        """What packing saved."""
        return self.plain_bytes - self.stored_bytes


class LayerOnChip(Value):
    """One operator of the model in the firmware."""

    name: str = Field(description="begins the names of its constants, such as conv_2d_3")
    constant_bytes: int = Field(description="flash of its weights, biases and parameters, as linked")
    instructions: int | None = Field(default=None, description="of one inference; None for what was not run, or costs none")


class Divergence(Value):
    """Where firmware and TFLM part: the first layer, in the order of execution, whose tensor differs."""

    layer: str
    tensor: str
    sample: int = Field(description="position among the samples that were run")
    differing_bytes: int
    bytes: int

    def __str__(self) -> str:
        return (
            f"{self.layer} is the first layer that differs, in {self.differing_bytes:,} of {self.bytes:,} B of {self.tensor} (sample {self.sample})"
        )


class Emulated(Value):
    """What the emulated core showed: the measuring program, built from the same sources, over real test samples."""

    core: str
    parity: Parity = Field(description="of the firmware's outputs with those of TFLM")
    first_difference: Divergence | None = Field(description="None when the outputs are equal")
    stack_bytes: int = Field(description="the deepest that the stack reached")
    instructions: int = Field(description="of one inference, at the median of the samples; instructions are not cycles")
    least_instructions: int
    most_instructions: int


class SelfTest(Value):
    """What the product's own test showed on the emulated core: real samples from raw values by way of standardization to outputs and decisions."""

    core: str
    samples: int = Field(description="test vectors that are built in")
    failures: int = Field(default=0, description="of these, how many gave another code, output or decision than the reference")
    flash_bytes: int = Field(description="of the product with the test and its vectors")
    stack_bytes: int | None = Field(default=None, description="the deepest that the stack reached; None when it did not end")
    missing_bytes: dict[str, int] = Field(default={}, description="by the region's name, how much more than it has; empty when it fits with its test")
    fault: str = Field(default="", description="what the product did that core, memory map or instruction limit forbid")

    @property
    def passed(self) -> bool:
        """Whether every sample gave what it must."""
        return not (self.failures or self.fault)

    def __str__(self) -> str:
        if self.fault:
            return f"the self-test does not end on the emulated {self.core}: {self.fault}"
        return f"the self-test passes {self.samples - self.failures:,} of {self.samples:,} samples on the emulated {self.core}"


class OnChip(Value):
    """Everything that is known of one variant on one target."""

    target: str
    linked: Linked
    layers: tuple[LayerOnChip, ...] = Field(description="in the order of execution")
    emulated: Emulated | None = Field(description="None when it could not be run")
    on_host: Parity | None = Field(description="outputs of the same C, built for this machine, with those of TFLM over every sample that was given")
    host_differing_bytes: int | None = Field(description="by how many bytes the C on this machine and on the emulated core differ")
    fault: str = Field(default="", description="what the firmware did that core, memory map or instruction limit forbid")
    unproven: str = Field(default="", description="why nothing is proven: what is missing, or that the outputs don't vary")
    self_test: SelfTest | None = Field(default=None, description="of the product; None when it could not be run")

    @property
    def stack_bytes(self) -> int | None:
        """The deepest that the stack reached in either program; None when neither was run."""
        deepest = [each.stack_bytes for each in (self.emulated, self.self_test) if each and each.stack_bytes is not None]
        return max(deepest, default=None)

    @property
    def fails_its_test(self) -> bool:
        """Whether the product's own test was run and not passed."""
        return self.self_test is not None and not self.self_test.passed

    @property
    def is_refuted(self) -> bool:
        """Whether the firmware was shown to compute something else than TFLM, or not to run."""
        differs = self.emulated is not None and not self.emulated.parity.equal
        return bool(self.fault or differs or (self.on_host and not self.on_host.equal) or self.host_differing_bytes)

    @property
    def complaint(self) -> str:
        """What refutes it, in words; empty when nothing does."""
        if self.fault:
            return self.fault
        if self.emulated and not self.emulated.parity.equal:
            return f"{_differ(self.emulated.parity)} on the emulated {self.emulated.core}; {self.emulated.first_difference or 'no layer differs'}"
        if self.on_host and not self.on_host.equal:
            return f"{_differ(self.on_host)} when the C runs on this machine"
        return f"{self.host_differing_bytes:,} output bytes differ between this machine and the emulated core" if self.host_differing_bytes else ""

    @property
    def is_proven(self) -> bool:
        """Whether the firmware was shown to compute what TFLM does, byte for byte."""
        return self.emulated is not None and not self.is_refuted and not self.unproven


def _differ(parity: Parity) -> str:
    return f"{parity.differing_bytes:,} of {parity.bytes:,} output bytes differ over {parity.samples:,} samples"
