"""Batches are halved as often as memory runs out, and no further than makes sense."""

from pathlib import Path

import pytest

from emberflow.errors import ModelError, OutOfMemory
from emberflow.stages.classroom import Classroom
from tasks.batches import in_batches_that_fit


def room(batch_size):
    here = Path()
    return Classroom(
        x=here, y=here, validation_x=here, validation_y=here, standardization=None, batch_size=batch_size, seed=1, augment=None, folder=here
    )


def work_that_takes_at_most(samples):
    def work(room):
        if room.batch_size > samples:
            raise OutOfMemory("training needs more memory than there is")
        return room.batch_size

    return work


@pytest.mark.parametrize(
    ("asked", "fits", "used", "told"),
    [
        (64, 64, 64, []),
        (64, 20, 16, ["out of memory; again with batches of 32", "out of memory; again with batches of 16"]),
        (12, 8, 8, ["out of memory; again with batches of 8"]),
    ],
)
def test_the_largest_half_that_fits_is_used(asked, fits, used, told):
    """Each try is told of, and the result carries a note."""
    said = []

    made, notes = in_batches_that_fit(room(asked), work_that_takes_at_most(fits), said.append)

    assert (used, told) == (made, said)
    assert notes == (() if used == asked else (f"trained in batches of {used}: memory did not hold {asked} samples at once",))


@pytest.mark.parametrize("asked", [4, 8, 64])
def test_eight_samples_that_do_not_fit_are_an_error_that_is_not_retried(asked):
    """With what was tried and what to do."""
    with pytest.raises(ModelError) as caught:
        in_batches_that_fit(room(asked), work_that_takes_at_most(0), lambda _: None)

    assert str(caught.value) == (
        f"training needs more memory than there is; it was training with {min(asked, 8)} samples at once, of the {asked} that the project asks for:"
        " end what else runs on this machine, take a smaller model or shorter samples, or more memory"
    )
