"""The metric that a project goes by: its name, its direction, and how its numbers are written. Knows words; computes no metric."""

from emberflow.units import show_figure
from emberflow.values import Value
from emberflow.variant import Interval


class Measure(Value):
    """What variants are compared by.

    Args:
        name: a key of every `Quality.scores`.
        is_share: whether values lie between 0 and 1, as an accuracy does; they are written with three or four decimals.
        unit: of the values; empty where they have none.
    """

    name: str
    higher_is_better: bool = True
    is_share: bool = True
    unit: str = ""

    def loss(self, before: float, after: float) -> float:
        """By how much `after` is worse than `before`; negative where it is better."""
        return before - after if self.higher_is_better else after - before

    def rank(self, value: float) -> float:
        """A number that is the smaller, the better `value` is."""
        return -value if self.higher_is_better else value

    def is_better(self, value: float, reference: float) -> bool:
        """Whether `value` is better than `reference`."""
        return self.rank(value) < self.rank(reference)

    def show(self, value: float, digits: int = 4) -> str:
        """A value: `0.9094`, or with three meaningful digits and its unit: `1.24 K`."""
        if self.is_share:
            return f"{value:.{digits}f}"
        return f"{show_figure(value)} {self.unit}".rstrip()

    def show_loss(self, loss: Interval) -> str:
        """A loss with its interval, without the unit: `+0.012 [+0.003, +0.021]`."""
        if self.is_share:
            return str(loss)
        estimate, low, high = (show_figure(value, signed=True) for value in (loss.estimate, loss.low, loss.high))
        return f"{estimate} [{low}, {high}]"

    def show_amount(self, value: float, half: float) -> str:
        """How much, without its sign, to within so much: `0.021 +- 0.009`, or with its unit: `0.310 +- 0.0520 K`."""
        if self.is_share:
            return f"{abs(value):.3f} +- {half:.3f}"
        return f"{show_figure(abs(value))} +- {show_figure(half)} {self.unit}".rstrip()

    @property
    def better(self) -> str:
        """What a better value is called: `higher` or `lower`."""
        return "higher" if self.higher_is_better else "lower"

    @property
    def worse(self) -> str:
        """What a worse value is called."""
        return "lower" if self.higher_is_better else "higher"
