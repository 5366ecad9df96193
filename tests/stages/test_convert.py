"""The convert stage writes a .tflite and says how large it is."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emberflow.artifact import Kind
from emberflow.convert import PLAIN, Conversion
from emberflow.evaluate import litert
from emberflow.evaluate.size import measure_size
from emberflow.loaded import pack
from emberflow.recipe import Format
from emberflow.stages.convert import Outcome, Source, convert
from emberflow.zeros import describe

pytestmark = pytest.mark.xdist_group("tensorflow")


def test_the_file_is_a_tflite_in_the_format_asked_for(bench: Any, tflite: Path) -> None:
    """Full integer, with the zeros of the pruned model."""
    data = tflite.read_bytes()

    assert litert.read_borders(data).input.dtype == litert.read_borders(data).output.dtype == "int8"
    assert measure_size(data).sparsity == pytest.approx(52 / 104, abs=0.03)
    assert f"{len(data):,} B" in bench.lines


def test_a_packed_saved_model_is_converted_by_its_signature(bench: Any, saved_models: Path, tmp_path: Path) -> None:
    """What its input is called is read from it."""
    pack(saved_models / "classifier", tmp_path / "model.saved_model")
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(16, 12)).astype(np.float32))

    source = Source(path=tmp_path / "model.saved_model", kind=Kind.SAVED_MODEL)
    convert(source, Format.INT8, tmp_path / "x.npy", Conversion(signature="classify"), tmp_path / "out.tflite", bench.lines.append)

    data = (tmp_path / "out.tflite").read_bytes()
    assert {"classify": {"inputs": ["signal"], "outputs": ["scores"]}} == litert.open_model(data).get_signature_list()
    assert litert.read_borders(data).input.dtype == "int8"


def test_a_tflite_passes_as_it_is(bench: Any, tflite: Path, tmp_path: Path) -> None:
    """Byte for byte."""
    convert(Source(path=tflite, kind=Kind.TFLITE), Format.INT8, bench["calibration-x.npy"], PLAIN, tmp_path / "out.tflite", bench.lines.append)

    assert tflite.read_bytes() == (tmp_path / "out.tflite").read_bytes()


def test_zeros_are_left_out_where_that_was_asked_for_and_pays(bench: Any, notes: tuple[str, ...], tmp_path: Path) -> None:
    """The tiny model is not worth it: places and block sizes take more than its 52 zeros; it stays as it was, and both sizes are known."""
    source = Source(path=bench["prune50.h5"], kind=Kind.KERAS)
    out, plain = tmp_path / "out.tflite", tmp_path / "plain.tflite"

    outcome = convert(source, Format.FLOAT32, bench["calibration-x.npy"], Conversion(packs_zeros=True), out, bench.lines.append)
    assert Outcome() == convert(source, Format.FLOAT32, bench["calibration-x.npy"], PLAIN, plain, bench.lines.append)

    found = outcome.sparse
    assert (describe(found),) == outcome.notes
    assert plain.stat().st_size == found.plain_bytes
    assert out.stat().st_size == min(found.plain_bytes, found.sparse_bytes)
