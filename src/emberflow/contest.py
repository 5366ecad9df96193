"""What came of asking the champion and a new version the same samples. Values only; refuses to run a model or to decide."""

from pydantic import Field

from emberflow.measure import Measure
from emberflow.values import Value
from emberflow.variant import Interval


class ClassLoss(Value):
    """What the new version loses of one label's recall: the share of its samples that are found."""

    label: str
    samples: int
    champion: float
    challenger: float
    loss: Interval


class Contest(Value):
    """Both on the same test data now. A contest that can't be held says why in `refusal`."""

    measure: Measure
    samples: int = Field(description="of the test part that both were asked")
    confidence: float
    champion: float | None = Field(default=None, description="its metric; None when it was not asked")
    challenger: float | None = None
    loss: Interval | None = Field(default=None, description="champion minus challenger, so that positive is a loss; paired over the samples")
    classes: tuple[ClassLoss, ...] = ()
    notes: tuple[str, ...] = Field(default=(), description="what the comparison leaves out")
    refusal: str = ""

    @property
    def metric(self) -> str:
        """The name of what they are compared by."""
        return self.measure.name


def half_width(interval: Interval) -> float:
    """The `b` of `a +- b`."""
    return (interval.high - interval.low) / 2
