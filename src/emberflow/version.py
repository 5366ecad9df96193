"""A version of a project's registered model: what it is, what it came from, how it stands. Values only; refuses to know who keeps them."""

from enum import StrEnum

from pydantic import Field

from emberflow.artifact import Sha256
from emberflow.values import Value


class Alias(StrEnum):
    """A name that moves from version to version."""

    CHAMPION = "champion"
    CHALLENGER = "challenger"
    PREVIOUS = "previous"


class Standing(StrEnum):
    """What was decided of a version."""

    WAITING = "waiting"
    KEPT = "kept"
    PROMOTED = "promoted"
    REJECTED = "rejected"

    @property
    def is_final(self) -> bool:
        """Whether only a person may decide anew: it served once, or somebody turned it down."""
        return self in (Standing.PROMOTED, Standing.REJECTED)


class Origin(Value):
    """What makes two versions the same: the bytes of the model, what they were made from and by, and for which device."""

    model: Sha256
    data: Sha256
    code: Sha256
    target: str


class Entry(Value):
    """What is known of a version when it is registered."""

    recipe: str
    origin: Origin
    flow_run: str = Field(description="Prefect's id of the run that made it")
    experiment_id: str = Field(description="MLflow's experiment")
    mlflow_run: str = Field(description="MLflow's parent run, which holds the bundle")


class Version(Entry):
    """A version as the registry has it."""

    number: int = Field(ge=1)
    model_id: str = Field(description="MLflow's LoggedModel, which holds the .tflite")
    standing: Standing = Standing.WAITING
    replaced: int | None = Field(default=None, description="the version that was champion before this one, or is asked to make room")


def standing_of(version: Version, names: "Aliases") -> str:
    """How a version stands, in words that go on from its number: `the champion`."""
    if version.number == names.champion:
        return "the champion"
    return {
        Standing.PROMOTED: "which was champion before",
        Standing.REJECTED: "which was rejected",
        Standing.KEPT: "which was kept",
        Standing.WAITING: "which waits",
    }[version.standing]


class Aliases(Value):
    """Which version has which name; None for a name that nobody has."""

    champion: int | None = None
    challenger: int | None = None
    previous: int | None = None
