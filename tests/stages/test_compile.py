"""The compile stage writes C sources as a zip, or says why not."""

import pytest
import tflite

from emberflow.stages.compile import compile_model, read_sources, write_sources
from tests.adapters.a_network import network
from tests.compiler.harness import activation, one_operator


@pytest.fixture
def said():
    """What the stage reports."""
    return []


def compiled(tmp_path, model, said):
    path = tmp_path / "model.tflite"
    path.write_bytes(model)
    return compile_model(path, "my-net", tmp_path / "sources.zip", said.append)


def test_sources_are_written_under_the_name(tmp_path, said):
    """Three files, called as C needs it; how the weights lie is told by layer."""
    translation = compiled(tmp_path, network(), said)

    assert (translation.name, translation.refused) == ("my_net", "")
    assert {"my_net.h", "my_net.c", "my_net_kernels.h"} == read_sources(tmp_path / "sources.zip").keys()
    assert [("fully_connected_0", "plain", 32), ("fully_connected_1", "plain", 12)] == [
        (layer.layer, layer.encoding, layer.plain_bytes) for layer in translation.packing
    ]
    assert said == ["2 calls, arena 32 B"]


def test_a_model_that_can_not_be_compiled_is_an_answer(tmp_path, said):
    """With the compiler's own words, and no file."""
    model = one_operator("FLOOR_MOD", [activation("a", (1, 4)), activation("b", (1, 4))], [activation("y", (1, 4))])

    translation = compiled(tmp_path, model, said)

    assert "FLOOR_MOD" in translation.refused
    assert not (tmp_path / "sources.zip").exists()
    assert said == ["refused"]
    assert tflite.BuiltinOperator.FLOOR_MOD


def test_what_is_no_model_is_an_answer_too(tmp_path, said):
    """GraphError says what it is."""
    assert "expected" in compiled(tmp_path, b"no model", said).refused


def test_equal_sources_are_equal_bytes(tmp_path):
    """Whenever they were written, in whatever order."""
    files = {"b.c": b"int b;", "a.h": b"int a;"}
    write_sources(files, tmp_path / "one.zip")
    write_sources(dict(reversed(files.items())), tmp_path / "other.zip")

    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "other.zip").read_bytes()
    assert read_sources(tmp_path / "one.zip") == files
