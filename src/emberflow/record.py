"""The record of one pipeline run: what report, bundle and MLflow are written from. Values only."""

from pydantic import Field

from emberflow.artifact import Artifact, Kind
from emberflow.budget import Budget
from emberflow.dataset import Splits
from emberflow.measure import Measure
from emberflow.target import Target
from emberflow.task import TaskKind
from emberflow.training import TrainingCurve
from emberflow.values import Value
from emberflow.variant import Choice, Failure, Quality, Skipped, Variant
from emberflow.version import Origin


class Baseline(Value):
    """The model that variants are compared with and how well it does on the test part: float, but for a .tflite that was brought along."""

    model: Artifact
    parameters: int
    quality: Quality
    curve: TrainingCurve | None = Field(description="None for a model that was brought along trained")

    @property
    def title(self) -> str:
        """What it is called beside the variants: a .tflite that was brought along is compared with itself, and no float model is known."""
        return "brought .tflite" if self.model.kind is Kind.TFLITE else "float model"


class Provenance(Value):
    """What a result came from, by digest and version."""

    run_id: str = Field(description="the pipeline run: date, time and a few random letters; names the bundle's directory")
    started: str = Field(description="ISO 8601, UTC")
    project_digest: str = Field(description="SHA-256 of the project as read")
    data_digest: str
    code_digest: str = Field(description="SHA-256 over Emberflow's own source files")
    versions: dict[str, str] = Field(description="of Python and the packages that decide results")
    processor: str = Field(default="", description="the kind that TensorFlow computed on: another kind may round otherwise")
    mlflow_run_id: str | None = None
    mlflow_experiment_id: str | None = None
    prefect_page: str | None = Field(default=None, description="where Prefect's UI shows the run; None without a server that outlives it")


class Record(Value):
    """All of one run."""

    project: str
    task: TaskKind = TaskKind.CLASSIFICATION
    measure: Measure = Field(description="what the project goes by; its name is a key of every Quality.scores")
    target: Target
    budget: Budget
    splits: Splits
    baseline: Baseline
    variants: tuple[Variant, ...]
    failures: tuple[Failure, ...]
    skipped: tuple[Skipped, ...] = Field(default=(), description="recipes that the baseline's kind doesn't allow, known before anything ran")
    choice: Choice
    provenance: Provenance
    project_file: str = Field(
        default="", description="the project as it was run, YAML: its file, with the recipes, target and budget that the run was given"
    )

    @property
    def metric(self) -> str:
        """The name of what the project goes by."""
        return self.measure.name

    def origin(self, recipe: str) -> Origin:
        """What the variant made by `recipe` is and came from: two versions of the same origin are the same. Raises as `variant`."""
        made = self.provenance
        return Origin(model=self.variant(recipe).model.sha256, data=made.data_digest, code=made.code_digest, target=self.target.name)

    def variant(self, recipe: str) -> Variant:
        """The variant made by `recipe`. Raises KeyError when there is none."""
        for variant in self.variants:
            if variant.recipe == recipe:
                return variant
        raise KeyError(recipe)
