"""Applications: model, labels, standardization and vectors must belong together."""

import pytest

from emberflow.errors import BundleError
from emberflow.standardization import Standardization


def test_an_application_knows_its_shape_and_types(application, vectors):
    app = application(vectors("uint8", "float32"))

    assert app.input_shape == (5, 2)
    assert app.channels == 2
    assert (app.input.c_type, app.input.lowest, app.input.highest, app.input.is_integer) == ("uint8_t", 0, 255, True)
    assert (app.output.c_type, app.output.is_integer) == ("float", False)


def test_one_output_may_tell_two_labels_apart(application, vectors):
    assert application(vectors(classes=1), labels=("off", "on")).labels == ("off", "on")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": ("a", "b")}, r"received 3 outputs for 2 labels; expected .None, 2., one probability for each label"),
        ({"standardization": Standardization(mean=(0.0,), std=(1.0,))}, r"received 1 means and 1 deviations for 2 channels; expected one pair"),
        ({"standardization": Standardization(mean=(0.0, 0.0), std=(1.0, 0.0))}, r"a standard deviation of 0.0; expected more than 0: leave out"),
        ({"standardization": Standardization(mean=(0.0, 0.0), std=(1.0, 1e-60))}, r"a standard deviation of 1e-60"),
    ],
)
def test_parts_that_do_not_belong_together_are_refused(application, change: dict, message: str):
    with pytest.raises(BundleError, match=message):
        application(**change)
