"""The rules by which a new version takes the champion's place, `mlflow/promotion.yaml`. Decides what may be said there; judges nothing."""

from pathlib import Path

from pydantic import Field

from emberflow.errors import ProjectError
from emberflow.project import parse_values
from emberflow.values import Value


class Rules(Value):
    """What a new version must hold. What is left out is as here."""

    allowance: float = Field(
        default=0.01, ge=0, description="the most of the metric, in its own unit, that a new version may lose against the champion"
    )
    confidence: float = Field(default=0.95, ge=0.5, lt=1, description="of every interval")
    class_recall_drop: float = Field(
        default=0.05, ge=0, le=1, description="the most by which the recall of one class may fall; a fall that may be chance doesn't count"
    )
    smallest_test_set: int = Field(default=100, ge=1, description="samples, below which nothing is promoted")
    widest_interval: float = Field(
        default=0.05, gt=0, description="half the interval of the loss, in the metric's own unit: wider, and the test set is too small to tell"
    )
    fits_budget: bool = Field(default=True, description="the target and the project's budget must hold")
    firmware_equals_tflm: bool = Field(default=True, description="the firmware's outputs must equal those of TFLM byte for byte, where C is compiled")
    runs_on_chip: bool = Field(
        default=True, description="the firmware must run on the emulated core to its end, without a fault, where C is compiled"
    )


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


def find_rules(project_folder: Path, house: Path) -> Rules:
    """Of `promotion.yaml` beside the project file, else of `mlflow/promotion.yaml` in `house`, else the defaults. Raises as `read_rules`."""
    for path in (project_folder / "promotion.yaml", house / "mlflow" / "promotion.yaml"):
        if path.exists():
            return read_rules(path)
    return Rules()
