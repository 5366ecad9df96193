"""What the values of a variant can tell of themselves."""

import pytest
from pydantic import ValidationError

from emberflow.on_chip import Parity
from emberflow.variant import Evaluation, Interval, LayerWeights


@pytest.mark.parametrize(
    ("bounds", "shown"),
    [
        ((0.0061, -0.0104, 0.0226), "+0.006 [-0.010, +0.023]"),
        ((-0.007, -0.019, 0.005), "-0.007 [-0.019, +0.005]"),
        ((0, 0, 0), "+0.000 [+0.000, +0.000]"),
    ],
)
def test_an_interval_shows_its_signs(bounds, shown):
    """A drop may be a gain."""

    assert shown == str(Interval(estimate=bounds[0], low=bounds[1], high=bounds[2]))


@pytest.mark.parametrize(("differing", "equal"), [(0, True), (1, False)])
def test_parity_is_every_byte(differing, equal):
    """One that differs is enough: a unit in an early layer grows with depth."""
    parity = Parity(
        runtime="reference",
        samples=9,
        bytes=63,
        differing_bytes=differing,
        differing_samples=differing,
        largest_difference=differing,
        distinct_outputs=9,
    )

    assert equal == parity.equal


@pytest.mark.parametrize("sparsity", [-0.1, 1.1])
def test_sparsity_is_a_share(sparsity):
    """Not a percentage."""
    with pytest.raises(ValidationError, match=r"sparsity\n  Input should be (less|greater) than or equal to"):
        LayerWeights(name="w", operator="CONV_2D", shape=(1,), dtype="int8", parameters=1, sparsity=sparsity, distinct=1, distinct_per_channel=1)


def test_agreement_is_a_share():
    """Not a percentage."""
    with pytest.raises(ValidationError, match="agreement\n  Input should be less than or equal to 1"):
        Evaluation(agreement=96.2)
