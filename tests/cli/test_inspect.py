"""`emberflow inspect`: findings on the terminal, as a page and as JSON; wrong arguments told in one line."""

import json
import sys
from dataclasses import replace

import numpy as np
import pytest
import tflite

from emberflow.cli import inspect, main
from emberflow.cli.inspect import Order, inspect_file
from emberflow.errors import ProjectError, TargetError
from emberflow.inspection import Inspection


@pytest.fixture
def small(models, tmp_path, monkeypatch):
    """`inspect small.tflite`, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.tflite").write_bytes(models.small_tflite())
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(0, 3, (10, 6, 6, 2)))
    return Order(tmp_path / "small.tflite")


def test_a_tflite_is_shown_and_its_page_written(small, capsys, tmp_path):
    """Under the home folder, unless told otherwise."""
    assert 0 == inspect_file(small)

    printed = capsys.readouterr().out
    for part in ("small.tflite: a .tflite of int8", "conv_2d_0", "FULLY_CONNECTED", "runs it: compiled C: yes; TFLM: yes; LiteRT: yes"):
        assert part in printed
    assert "page  .emberflow/inspections/small.html" in printed
    assert "small.tflite, layer by layer" in (tmp_path / ".emberflow/inspections/small.html").read_text()


def test_data_bring_ranges(small, capsys, tmp_path):
    """And the page goes where it was asked for."""
    assert 0 == inspect_file(replace(small, data=tmp_path / "x.npy", out=tmp_path / "pages" / "p.html"))

    assert "10 samples of x.npy, taken as they are" in capsys.readouterr().out
    assert "Over 10 samples of x.npy" in (tmp_path / "pages" / "p.html").read_text()


def test_a_tflite_of_several_inputs_takes_an_npz(models, capsys, tmp_path, monkeypatch):
    """An array for each, by name; a .npy is told what to do."""
    monkeypatch.chdir(tmp_path)
    tensors = tuple(models.TensorSpec(name, shape=(1, 4), scales=(1.0,), zero_points=(0,)) for name in "abc")
    step = models.OperatorSpec(tflite.BuiltinOperator.MAXIMUM, (0, 1), (2,), "MaximumMinimumOptions", {})
    (tmp_path / "m.tflite").write_bytes(models.write_tflite(tensors, (step,), inputs=(0, 1), outputs=(2,)))
    np.savez(tmp_path / "x.npz", a=np.ones((5, 4)), b=np.zeros((5, 4)))
    np.save(tmp_path / "x.npy", np.ones((5, 4)))

    assert 0 == inspect_file(Order(tmp_path / "m.tflite", tmp_path / "x.npz"))
    printed = capsys.readouterr().out
    assert "5 samples of x.npz, taken as they are" in printed
    assert "input1" in printed
    with pytest.raises(ProjectError, match=r"m\.tflite': received samples with one array without a name; the model has 2 inputs: expected an \.npz"):
        inspect_file(Order(tmp_path / "m.tflite", tmp_path / "x.npy"))


def test_a_float_twin_brings_noise(small, case, capsys, tmp_path):
    """Of every tensor."""
    healthy = case("healthy")
    (tmp_path / "q.tflite").write_bytes(healthy.quantized)
    (tmp_path / "f.tflite").write_bytes(healthy.real)
    np.save(tmp_path / "y.npy", healthy.x)

    assert 0 == inspect_file(Order(tmp_path / "q.tflite", tmp_path / "y.npy", tmp_path / "f.tflite", "stm32f405"))
    printed = capsys.readouterr().out
    assert "q.tflite: a .tflite of int8, compared with f.tflite" in printed
    assert "Advice: none; no figure is out of the ordinary" in printed


def test_json_is_all_that_was_found(small, capsys, tmp_path):
    """Nothing else on the output, and no page."""
    assert 0 == inspect_file(replace(small, data=tmp_path / "x.npy", as_json=True, target="stm32f405"))

    found = Inspection.model_validate(json.loads(capsys.readouterr().out))
    assert ("small.tflite", 10, "stm32f405") == (found.model, found.samples, found.target)
    assert not (tmp_path / ".emberflow").exists()


def test_a_keras_model_is_converted_and_compared_with_itself(models, capsys, tmp_path, monkeypatch):
    """With data to int8, without to float32."""
    monkeypatch.chdir(tmp_path)
    models.image_model().save(tmp_path / "image.h5")
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(20, 6, 6, 2)))

    assert 0 == inspect_file(Order(tmp_path / "image.h5", tmp_path / "x.npy"))
    printed = capsys.readouterr().out
    assert "image.h5: a Keras model, converted to int8 with x.npy" in printed
    assert "depthwise" in printed
    assert 0 == inspect_file(Order(tmp_path / "image.h5"))
    assert "a Keras model, converted to float32; with --data, to int8" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "kind", "told"),
    [
        (
            {"model": "none.tflite"},
            ProjectError,
            "received '{0}/none.tflite' as a model, which can't be read (No such file or directory); expected a",
        ),
        ({"model": "x.npy"}, ProjectError, "'{0}/x.npy': received 5,888 B with"),
        ({"against": "x.npy"}, ProjectError, "expected a .tflite, which has"),
        ({"data": "none.npy"}, ProjectError, "received '{0}/none.npy' as data, which can't be read"),
        ({"data": "wide.npy"}, ProjectError, "'{0}/small.tflite': received samples of shape (7,); the model takes (6, 6, 2)"),
        ({"out": "small.tflite/page.html"}, ProjectError, "can't write the page '{0}/small.tflite/page.html': "),
        ({"model": "none.keras"}, ProjectError, "as a model; expected a .keras file, and there is none"),
    ],
)
def test_what_is_wrong_is_told(small, tmp_path, change, kind, told):
    """With the file's name."""
    np.save(tmp_path / "wide.npy", np.ones((2, 7)))
    order = replace(small, **{"data": tmp_path / "x.npy"} | {key: tmp_path / value for key, value in change.items()})

    with pytest.raises(kind) as caught:
        inspect_file(order)
    assert told.format(tmp_path) in str(caught.value)


def test_an_unknown_target_is_told_with_a_hint(small):
    """Before anything is measured."""
    with pytest.raises(TargetError, match=r"received 'stm32f40' as a target; .* Did you mean 'stm32f405'\?"):
        inspect_file(replace(small, target="stm32f40"))


def test_the_command_ends_with_2_where_an_argument_is_wrong(monkeypatch, capsys, tmp_path):
    """On the error output, in one line."""
    monkeypatch.setattr(sys, "argv", ["emberflow", "inspect", str(tmp_path / "none.tflite")])

    with pytest.raises(SystemExit) as caught:
        main()
    assert 2 == caught.value.code
    assert capsys.readouterr().err.startswith("\nemberflow: received '")


def test_a_target_may_be_a_file_of_ones_own(tiny, small, capsys):
    """As everywhere."""
    assert 0 == inspect_file(replace(small, target=tiny.target))
    assert "of RAM before any code" not in capsys.readouterr().out
    assert inspect.PAGES.parts == (".emberflow", "inspections")
