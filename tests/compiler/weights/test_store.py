"""Which encoding rows get."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from emberflow.compiler.weights.codec import pack, unpack
from emberflow.compiler.weights.packed import Encoding
from emberflow.compiler.weights.store import prove, store_rows
from emberflow.errors import CompileError
from tests.compiler.weights.layers import clustered, layers, pruned, pruned_and_clustered


@pytest.mark.parametrize(
    ("made", "encoding", "most"),
    [
        (clustered, Encoding.TABLE, 0.6),
        (pruned, Encoding.BITMAP, 0.5),
        (pruned_and_clustered, Encoding.BITMAP_TABLE, 0.4),
    ],
)
def test_compressed_layers_shrink(made, encoding, most):
    """64 rows of 144: pruned by 70 % to less than half, sixteen clusters to less than 0.6, both to less than 0.4 of the bytes."""
    rows = made(np.random.default_rng(0), 64, 144)

    packed = store_rows(rows, rows.size)
    assert encoding is packed.encoding
    assert packed.stored_bytes < most * rows.size


SHAPES = {
    "ResNet-8": ((16, 27), (16, 144), (16, 144), (32, 144), (32, 288), (32, 16), (64, 288), (64, 576), (64, 32), (10, 64)),
    "MobileNetV1-0.25": (
        *((8, 27), (16, 8), (32, 16), (32, 32), (64, 32), (64, 64), (128, 64), *[(128, 128)] * 5, (256, 128), (256, 256), (2, 256)),
    ),
    "FC autoencoder": ((128, 640), *[(128, 128)] * 3, (8, 128), (128, 8), *[(128, 128)] * 3, (640, 128)),
}
DEPTHWISE_BYTES = {"MobileNetV1-0.25": 9 * (8 + 16 + 32 + 32 + 64 + 64 + 128 * 6 + 256)}


@pytest.mark.parametrize("name", sorted(SHAPES))
@pytest.mark.parametrize(("made", "most"), [(pruned, 0.5), (clustered, 0.6), (pruned_and_clustered, 0.4)])
def test_whole_models_shrink(name, made, most):
    """All layers with weights summed, first and small ones too, and depthwise kernels, which stay as they are."""
    generator = np.random.default_rng(0)
    plain = stored = DEPTHWISE_BYTES.get(name, 0)
    for shape in SHAPES[name]:
        rows = made(generator, *shape)
        packed = store_rows(rows, rows.size)
        plain += rows.size
        stored += packed.stored_bytes if packed else rows.size

    assert stored <= most * plain


def test_sixteen_clusters_take_four_bits():
    """And each row's gain costs nothing: the tables are those of the largest centroids."""
    packed = store_rows(clustered(np.random.default_rng(0), 64, 144), 64 * 144)

    assert (4, 16) == (packed.bits, packed.entries)
    assert len(packed.tables) <= 4 * 16


def test_weights_that_say_much_stay_as_they_are():
    """Random bytes can't be packed."""
    assert None is store_rows(np.random.default_rng(0).integers(-128, 128, (32, 64)).astype(np.int8), 32 * 64)


@pytest.mark.parametrize("count", [1, 2])
def test_small_layers_stay_as_they_are(count):
    """Zeros would shrink to almost nothing; but 64 B must be saved, and parameters cost 24."""
    assert None is store_rows(np.zeros((count, 48), np.int8), count * 48)


@settings(max_examples=80, deadline=None)
@given(layers(most_rows=40))
def test_never_larger_than_plain(rows):
    """On any layer: what is packed saves 64 B and 5 %, and comes back as it was."""
    packed = store_rows(rows, rows.size)

    if packed is not None:
        assert packed.stored_bytes <= min(rows.size - 64, 0.95 * rows.size)
        assert rows.tolist() == unpack(packed, len(rows)).tolist()


def test_what_does_not_come_back_is_an_error():
    """A weight that was changed after packing."""
    rows = np.array([[1, 0, 2]], np.int8)
    packed = pack(rows, Encoding.BITMAP)

    with pytest.raises(CompileError, match=r"weights packed as bitmap differ in 1 of 3 when unpacked; expected none; please report the model"):
        prove(replace(packed, codes=np.array([1, 3], np.int8)), rows)
