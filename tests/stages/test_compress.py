"""The compress stage carries out the last step on a file, and leaves that file as it is."""

from typing import Any

import numpy as np
import pytest

from emberflow.artifact import digest_file
from emberflow.compress import COMPRESSORS, load_any
from emberflow.errors import UnsupportedLayer
from emberflow.recipe import Cluster, Prune, PruneBlock, QuantizeAware
from emberflow.stages.compress import Treatment, compress
from emberflow.training import FineTuning

pytestmark = pytest.mark.xdist_group("tensorflow")


def test_every_step_has_a_compressor() -> None:
    """A step added to recipe.py needs a line in COMPRESSORS."""
    assert set(COMPRESSORS) == {Prune, PruneBlock, Cluster, QuantizeAware}


def test_half_of_the_weights_are_zero(bench: Any, notes: tuple[str, ...]) -> None:
    """48 of the convolution's 96, 4 of the dense layer's 8; nothing was left alone."""
    found = {layer.name: np.count_nonzero(layer.kernel) for layer in load_any(bench["prune50.h5"]).layers if hasattr(layer, "kernel")}

    assert sorted(found.values()) == [4, 48]
    assert notes == ()


def test_what_was_trained_on_still_takes_and_gives_the_same_shapes(bench: Any, notes: tuple[str, ...]) -> None:
    """Inside it is 2D."""
    model = load_any(bench["prune50.h5"])

    assert (model.input_shape, model.output_shape) == ((None, 12, 4), (None, 1))


def test_a_step_with_nothing_to_treat_writes_nothing(bench: Any, baseline: Any) -> None:
    """8 and 96 weights are too few for 64 clusters; the model given stays as it was."""
    before = digest_file(bench["baseline.h5"])

    with pytest.raises(UnsupportedLayer, match="cluster64 finds no layer to treat"):
        compress(
            bench["baseline.h5"], (Cluster(64),), Treatment(fine_tuning=FineTuning(epochs=1)), bench.classroom(), bench["none.h5"], bench.lines.append
        )

    assert not bench["none.h5"].exists()
    assert digest_file(bench["baseline.h5"]) == before
