"""A variant: a recipe applied to the baseline, one .tflite and what was measured of it. Values only; measures nothing."""

from enum import StrEnum

from pydantic import Field

from emberflow.artifact import Artifact
from emberflow.on_chip import OnChip, Packed, Parity
from emberflow.values import Value


class LayerWeights(Value):
    """The weights of one operator as they stand in the .tflite."""

    name: str = Field(description="name of the weight tensor")
    operator: str = Field(description="the operator that uses it, such as CONV_2D")
    shape: tuple[int, ...]
    dtype: str
    parameters: int
    sparsity: float = Field(ge=0, le=1, description="share of weights that are zero")
    distinct: int = Field(description="distinct values over the whole tensor, as stored")
    distinct_per_channel: int = Field(description="the most distinct values within one output channel")


class Size(Value):
    """What a .tflite weighs, read from its bytes."""

    file_bytes: int
    compressed_bytes: int = Field(description="after DEFLATE (zip), what an over-the-air update would send")
    parameters: int = Field(description="weights and biases of the graph")
    macs: int = Field(description="multiply-accumulates of one inference")
    peak_activation_bytes: int = Field(description="the largest set of activations alive at once")
    sparsity: float = Field(description="share of zeros among the weights of all layers")
    operators: dict[str, int] = Field(description="how often each operator occurs")
    layers: tuple[LayerWeights, ...]


class Histogram(Value):
    """How many normal and how many anomalous samples have an error between one edge and the next."""

    edges: tuple[float, ...]
    normal: tuple[int, ...]
    anomalous: tuple[int, ...]


class Quality(Value):
    """How well a variant does the task on the test part, with one runtime."""

    runtime: str = Field(description="LiteRT or TFLM, whose outputs were scored")
    samples: int
    scores: dict[str, float] = Field(description="every metric of the task that applies, and the project's own, by name")
    thresholds: tuple[float, ...] = Field(default=(), description="above which is decided for a label; empty where nothing is held against one")
    confusion: tuple[tuple[int, ...], ...] = Field(default=(), description="rows are true labels, columns predictions; empty where none is decided")
    by_label: tuple[tuple[int, int, int, int], ...] = Field(
        default=(), description="of several labels a sample: how often each was found, missed, wrongly said, rightly not said"
    )
    points: tuple[tuple[tuple[float, float], ...], ...] = Field(
        default=(), description="of a regression, for each value: truth and prediction of some samples"
    )
    histogram: Histogram | None = Field(default=None, description="of errors of reconstruction")


class Interval(Value):
    """An estimate with its 95 % confidence interval."""

    estimate: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.estimate:+.3f} [{self.low:+.3f}, {self.high:+.3f}]"


class MicroVerdict(Value):
    """What TensorFlow Lite for Microcontrollers makes of a model."""

    runs: bool
    reason: str = Field(description="why it doesn't run; empty when it does")
    arena_bytes: int | None = Field(default=None, description="arena as the x86-64 build reports it: reads high for a 32-bit chip")


class Latency(Value):
    """How long one inference took on the machine that ran the pipeline."""

    median_us: float
    p95_us: float
    threads: int
    runs: int
    runtime: str = "LiteRT"


class Evaluation(Value):
    """Everything measured of one variant's .tflite on the test part."""

    size: Size
    quality: Quality = Field(description="of LiteRT, or of TFLM where the target is a microcontroller and TFLM runs the model")
    drop: Interval = Field(description="by how much the variant's metric is worse than the baseline's, paired over the test samples")
    agreement: float = Field(
        le=1, description="share of test samples on which variant and float baseline decide alike; of a regression, R2 of the one on the other"
    )
    micro: MicroVerdict
    parity: tuple[Parity, ...] = Field(description="empty when TFLM doesn't run the model")


class Firmware(Value):
    """What became of a variant on its way to the chip: its C sources, what they take and do there, and how well they decide."""

    sources: Artifact | None = Field(description="the C11 files in a zip; None when the compiler refused the model")
    packing: tuple[Packed, ...] = Field(default=(), description="how the weights of each layer lie in flash")
    on_chip: OnChip | None = Field(default=None, description="what was linked and run; None when neither could be done")
    quality: Quality | None = Field(default=None, description="of the C, built for this machine, over the whole test part")
    why_not: str = Field(default="", description="why figures of the chip are missing; empty when none are")

    @property
    def saved_bytes(self) -> int:
        """What packed weights saved in flash."""
        return sum(layer.saved_bytes for layer in self.packing)


class SparseStorage(Value):
    """What storing a pruned model's weights without zeros saves, as TensorFlow Lite's sparse tensors."""

    plain_bytes: int = Field(description="of the .tflite with its zeros")
    sparse_bytes: int = Field(description="of the .tflite without")
    plain_us: float | None = Field(default=None, description="of an inference on the machine that ran the pipeline; None: the two were not timed")
    sparse_us: float | None = None
    why_not: str = Field(default="", description="why it is not done; empty when it is")

    @property
    def is_kept(self) -> bool:
        """Whether the variant is stored so."""
        return not self.why_not


class ReasonKind(StrEnum):
    """Why a variant doesn't fit."""

    FORMAT = "format"
    RUNTIME = "runtime"
    PARITY = "parity"
    SELF_TEST = "self_test"
    FLASH = "flash"
    RAM = "ram"
    STACK = "stack"
    INSTRUCTIONS = "instructions"
    TIME = "time"
    UNMEASURED = "unmeasured"
    ACCURACY = "accuracy"


class Reason(Value):
    """One reason why a variant doesn't fit, with a number where there is one, and what to try."""

    kind: ReasonKind
    message: str
    missing: float | None = Field(
        default=None, description="bytes, instructions, µs or metric points by which it misses; None where no number makes sense"
    )
    advice: str


class Footprint(Value):
    """What a variant takes on the device."""

    flash_bytes: int = Field(description="of a compiled variant, that of the product without its self-test")
    ram_bytes: int = Field(description="arena, other variables, and what is set aside for the stack")
    stack_bytes: int | None = Field(default=None, description="the deepest that the stack reached on the emulated core; None: not run")
    instructions: int | None = Field(default=None, description="of one inference on the emulated core; None: not run")
    latency_us: float | None = Field(default=None, description="an estimate: instructions at one a clock cycle")
    is_measured: bool = Field(default=False, description="whether flash and RAM are those of the linked firmware")
    basis: str = Field(description="how the figures came about: estimated, or measured from the linked firmware")


class Verdict(Value):
    """Fits, or every reason why not."""

    fits: bool
    reasons: tuple[Reason, ...]
    footprint: Footprint
    notes: tuple[str, ...] = Field(default=(), description="what could not be checked, and why")


class Variant(Value):
    """One recipe's .tflite, what was measured, and the verdict."""

    recipe: str
    model: Artifact
    notes: tuple[str, ...] = Field(default=(), description="what the steps left alone, by layer, and what they did not save")
    evaluation: Evaluation
    answers_plot: Artifact | None = Field(default=None, description="confusion matrix, predicted against true values, or errors, drawn")
    latency: Latency
    sparse: SparseStorage | None = Field(default=None, description="None for variants without pruned weights, integer ones and microcontrollers")
    firmware: Firmware | None = Field(default=None, description="None for formats and devices that no C is compiled for")
    verdict: Verdict


class Failure(Value):
    """A recipe that gave no variant."""

    recipe: str
    stage: str
    reason: str


class Skipped(Value):
    """A recipe that was not tried, because the baseline's kind doesn't allow it."""

    recipe: str
    reason: str


class Choice(Value):
    """Which variant serves, and why."""

    champion: str | None = Field(description="the recipe's name; None when no variant fits")
    nearest: str | None = Field(default=None, description="when none fits: the one that comes nearest")
    pareto: tuple[str, ...] = Field(description="recipes that no other beats in both size and metric, smallest first")
    explanation: str = Field(description="why, in words: ties, the front, what came second")
