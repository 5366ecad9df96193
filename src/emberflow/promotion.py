"""The rules by which a new version takes the champion's place, `mlflow/promotion.yaml`. Decides what may be said there; judges nothing."""

from pathlib import Path

from pydantic import Field

from emberflow.errors import ProjectError
from emberflow.project import parse_values
from emberflow.task import RULES as TASKS
from emberflow.task import TaskKind
from emberflow.tolerance import Tolerance
from emberflow.values import Value

_LABELS_ONLY = "class_recall_drop"


class Rules(Value):
    """What a new version must hold. What is left out is as here."""

    allowance: Tolerance = Field(
        default=Tolerance.parse("0.01 or 5 %"), description="the most of the metric that a new version may lose against the champion"
    )
    confidence: float = Field(default=0.95, ge=0.5, lt=1, description="of every interval")
    class_recall_drop: float = Field(
        default=0.05, ge=0, le=1, description="the most by which the recall of one label may fall; a fall that may be chance doesn't count"
    )
    smallest_test_set: int = Field(default=100, ge=1, description="samples, below which nothing is promoted")
    widest_interval: Tolerance = Field(
        default=Tolerance.parse("0.05 or 10 %"), description="half the interval of the loss: wider, and the test set is too small to tell"
    )
    fits_budget: bool = Field(default=True, description="the target and the project's budget must hold")
    firmware_equals_tflm: bool = Field(default=True, description="the firmware's outputs must equal those of TFLM byte for byte, where C is compiled")
    runs_on_chip: bool = Field(
        default=True, description="the firmware must run on the emulated core to its end, without a fault, where C is compiled"
    )
    passes_self_test: bool = Field(default=True, description="the product must pass its own test on the emulated core, where C is compiled")


def read_rules(path: Path) -> Rules:
    """The rules in a file. Raises: ProjectError: it can't be read, holds an unknown key (with "did you mean"), or a value out of range."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ProjectError(f"can't read the rules of promotion '{path}': {error}; expected a file such as mlflow/promotion.yaml") from error
    try:
        return parse_values(text, Rules) if text.strip() else Rules()
    except ProjectError as error:
        raise ProjectError(f"{path}: {error}") from error


def find_rules(project_folder: Path, house: Path, kind: TaskKind) -> Rules:
    """Of `promotion.yaml` beside the project file, else of `mlflow/promotion.yaml` in `house`, else the defaults.

    The file of the house is of all projects, and a rule in it that means nothing for a task of this kind is passed over; the gate's report says so.

    Raises: ProjectError: as `read_rules`; the project's own file bounds the recall of labels, and the task has none.
    """
    own, of_house = project_folder / "promotion.yaml", house / "mlflow" / "promotion.yaml"
    if not own.exists():
        return read_rules(of_house) if of_house.exists() else Rules()
    rules = read_rules(own)
    if _LABELS_ONLY in rules.model_fields_set and not TASKS[kind].has_labels:
        raise ProjectError(
            f"{own}: received {_LABELS_ONLY} for a {kind} task, which tells no labels apart, so that none has a recall that could fall;"
            " expected rules that hold for it: bound its metric with allowance, and remove this line"
        )
    return rules
