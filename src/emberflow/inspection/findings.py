"""What inspecting a model found: operators, memory, runtimes, noise, advice. Values only; measure and print nothing."""

from enum import StrEnum

from pydantic import Field

from emberflow.values import Value


class OperatorFacts(Value):
    """One operator, in the order in which they run."""

    index: int
    name: str = Field(description="as the schema calls it, such as CONV_2D")
    layers: tuple[str, ...] = Field(min_length=1, description="the author's layers that it carries out, the one with the weights first")
    shape: tuple[int, ...] = Field(description="of its first output")
    dtype: str
    parameters: int
    macs: int
    constant_bytes: int = Field(description="in flash: weights as the compiled C holds them, or as the file does")
    alive_bytes: int = Field(description="of RAM, while it runs")
    refusals: dict[str, str] = Field(default={}, description="why a runtime doesn't run it, by the runtime's name; empty where all do")

    @property
    def layer(self) -> str:
        """What it is called for short."""
        return self.layers[0]


class Occupant(Value):
    """Something in RAM at the peak."""

    what: str
    size_bytes: int


class MemoryFacts(Value):
    """RAM over time."""

    arena_bytes: int | None = Field(description="of the compiled program, gaps included; None where no C is compiled")
    peak_bytes: int
    peak_index: int | None = Field(description="of the first operator that runs when most is alive; None without operators")
    occupants: tuple[Occupant, ...] = Field(description="who is in RAM then, the largest first")


class RuntimeFacts(Value):
    """Whether a runtime takes the whole model."""

    name: str
    refusal: str = Field(description="empty when it does")


class DeviceFacts(Value):
    """What one device makes of the model. Its needs are estimates: before anything is linked."""

    name: str
    is_chip: bool = Field(description="a microcontroller, else of the Linux class")
    runtime: str = Field(description="that takes the whole model there; empty where none does")
    flash_bytes: int = Field(description="that the model and its runtime need; where no runtime takes it, what is known")
    ram_bytes: int
    flash_offered: int
    ram_offered: int
    runs: dict[int, str] = Field(description="the runtime of each operator that runs there, by the operator's index")
    refusals: dict[int, str] = Field(description="why another doesn't")
    why_not: tuple[str, ...] = Field(description="why the whole model doesn't run there; empty when it does")

    @property
    def fits(self) -> bool:
        """Whether the whole model runs there, in the flash and RAM that it has."""
        return not self.why_not


class TensorNoise(Value):
    """One quantized tensor against its twin in the float model, over all samples."""

    operator: int | None = Field(description="the one that writes it; None of an input of the model")
    layer: str
    dtype: str
    range_low: float = Field(description="the lowest real number that its codes reach")
    range_high: float
    low: float = Field(description="the lowest that the float model gave; without one, that the codes gave")
    high: float
    saturation: float = Field(ge=0, le=1, description="share of the float model's numbers outside the range; without one, of codes at its ends")
    used: float = Field(ge=0, le=1, description="share of the range between the lowest and the highest code seen")
    bulk: float = Field(ge=0, le=1, description="share of the range that holds 99.9 % of the codes")
    sqnr_db: float | None = Field(default=None, description="signal to noise here, of all layers so far; None without a float twin, or without noise")
    own_sqnr_db: float | None = Field(
        default=None, description="that of this operator alone, given the float model's inputs; None where not measured"
    )
    weights_sqnr_db: float | None = Field(default=None, description="the same with 8-bit weights alone: what 16-bit activations can't mend")


class AdviceKind(StrEnum):
    """What a piece of advice is about."""

    SIXTEEN_BITS = "16 bits"
    WEIGHTS = "weights"
    SATURATION = "saturation"
    RANGE = "range"
    FLASH = "flash"
    RAM = "RAM"
    FIT = "fit"
    RUNTIME = "runtime"


class Advice(Value):
    """One thing to do, with the number that it follows from."""

    kind: AdviceKind
    layer: str = Field(description="empty when it is about the whole model")
    text: str


class Inspection(Value):
    """All that was found."""

    model: str
    form: str = Field(description="what was inspected, in words")
    file_bytes: int
    constants_of: str = Field(description="whose constants are counted: compiled C, or the file")
    operators: tuple[OperatorFacts, ...]
    memory: MemoryFacts
    runtimes: tuple[RuntimeFacts, ...]
    devices: tuple[DeviceFacts, ...] = Field(default=(), description="what each target makes of it")
    target: str = Field(default="", description="the device that it was held against")
    samples: int = Field(default=0, description="how many of the data were run")
    data: str = Field(default="", description="which they were, in words")
    noise: tuple[TensorNoise, ...] = Field(default=(), description="worst first")
    unmatched: tuple[str, ...] = Field(default=(), description="quantized tensors without a twin in the float model")
    advice: tuple[Advice, ...] = ()

    @property
    def parameters(self) -> int:
        """Of all operators."""
        return sum(operator.parameters for operator in self.operators)

    @property
    def macs(self) -> int:
        """Of one inference."""
        return sum(operator.macs for operator in self.operators)

    @property
    def constant_bytes(self) -> int:
        """Of all operators, in flash."""
        return sum(operator.constant_bytes for operator in self.operators)

    def share(self, operator: OperatorFacts) -> float:
        """Of the constants in flash, what `operator` holds: 0 to 1."""
        return operator.constant_bytes / self.constant_bytes if self.constant_bytes else 0.0
