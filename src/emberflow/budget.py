"""Budgets: does this footprint fit that chip? Pure arithmetic; knows nothing of files, Prefect or MLflow."""

from pydantic import Field

from emberflow.values import Bytes, Value


class Budget(Value):
    """The most that the product can bear. What is left out is bounded by the target alone."""

    flash: Bytes | None = Field(default=None, description="flash for model and runtime, such as '256 KiB'; default: the target's")
    ram: Bytes | None = Field(default=None, description="RAM for the runtime's arena, such as '64 KiB'; default: the target's")
    accuracy_drop: float = Field(default=0.02, ge=0, le=1, description="the most of the metric that may be lost against the float baseline")
