"""`emberflow compile`: a proven folder, or a short word of what is wrong and how to mend it."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from emberflow.adapters import machine
from emberflow.adapters import toolchain as compilers
from emberflow.cli.compile import compile_file, making_of
from emberflow.cli.verify import verify_folder
from emberflow.errors import DoesNotFit, ProjectError, UnsupportedOperator
from emberflow.export import check_files, read_export
from emberflow.firmware import folder
from tests.adapters.a_network import PAIRS, two_by_two
from tests.compiler.harness import activation
from tests.models import OperatorSpec, tflite, write_tflite

PASSED = "the self-test passes 16 of 16 samples on the emulated cortex-m4f"
needs_gnu = pytest.mark.skipif(shutil.which("arm-none-eabi-gcc") is None, reason="arm-none-eabi-gcc is not installed")


def test_a_model_is_compiled_and_proven(order, capsys):
    """A table, where it lies, and what it was compared with."""
    assert 0 == compile_file(order)

    printed = capsys.readouterr()
    assert "" == printed.err
    for part in (
        "conv_2d_0",
        "fully_connected_1",
        "instructions",
        "100 inputs on the emulated core: 0 of 300 B differ",
        PASSED,
        f"written to {order.out}",
    ):
        assert part in printed.out
    assert "equal to TensorFlow Lite for Microcontrollers in every byte, on 100 samples of random codes over the whole range of int8" in printed.out


def test_the_manifest_has_the_figures(compiled):
    """And the page of the firmware says them."""
    export = read_export(compiled)
    check_files(compiled, export)

    assert export.on_chip.is_proven
    assert export.on_chip.self_test.passed
    assert ("small", "stm32f405", False) == (export.name, export.target.name, export.are_real)
    page = (compiled / "firmware" / "README.md").read_text()
    assert f"| *instructions* of one inference | {export.on_chip.emulated.instructions:,} |" in page
    assert "The program was built with zig cc -Os" in page
    assert f"| flash with the self-test and its 16 vectors | {export.on_chip.self_test.flash_bytes:,} |" in page
    assert f"Of it {PASSED}." in page


def test_it_may_be_compiled_again(order, compiled):
    """An older folder is replaced; the same model gives the same manifest."""
    before = (compiled / "manifest.json").read_bytes()

    assert 0 == compile_file(order)
    assert before == (compiled / "manifest.json").read_bytes()


def test_real_samples_are_taken_and_told(order, capsys, tmp_path):
    """Ten of them."""
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(0, 3, (10, 6, 6, 2)))

    assert 0 == compile_file(replace(order, samples=tmp_path / "x.npy", name="My Model"))
    assert "in every byte, on 10 samples of x.npy\n" in capsys.readouterr().out
    assert ("my_model", True) == (read_export(order.out).name, read_export(order.out).are_real)


def test_the_other_reference_is_proven_too(order, capsys):
    """And weights may be left plain."""
    assert 0 == compile_file(replace(order, making=making_of("litert_reference", "plain", "zig")))
    assert "equal to LiteRT's reference kernels in every byte" in capsys.readouterr().out
    assert b"another output, in a single byte, than LiteRT's reference kernels did" in (order.out / "firmware/application/self_test.h").read_bytes()


@pytest.mark.parametrize("parity", ["tflm", "litert_reference"])
def test_several_inputs_and_outputs_are_proven_and_verified(order, capsys, parity):
    """Seven bytes of two outputs for each of 100 samples of two inputs; then all of it again from the folder."""
    order.model.write_bytes(two_by_two())
    assert 0 == compile_file(replace(order, making=making_of(parity, "smallest", "zig")))

    printed = capsys.readouterr().out
    assert "100 inputs on the emulated core: 0 of 700 B differ" in printed
    assert PASSED in printed
    assert {"input0.npy", "input1.npy", "output0.npy", "output1.npy"} == {path.name for path in (order.out / "vectors").iterdir()}
    assert 0 == verify_folder(order.out)


def test_real_samples_of_several_inputs(order, capsys, tmp_path):
    """One array for each input, in a .npz."""
    order.model.write_bytes(two_by_two())
    np.savez(tmp_path / "x.npz", input0=PAIRS[0][:9], input1=PAIRS[1][:9])

    assert 0 == compile_file(replace(order, samples=tmp_path / "x.npz"))
    assert "in every byte, on 9 samples of x.npz\n" in capsys.readouterr().out


def test_several_samples_at_once_are_refused(order):
    """A batch of 2, at the second of two inputs."""
    borders = activation("a", (1, 4)), activation("b", (2, 4)), activation("y", (2, 4))
    add = OperatorSpec(tflite.BuiltinOperator.ADD, (0, 1), (2,), "AddOptions")
    order.model.write_bytes(write_tflite(borders, (add,), inputs=(0, 1), outputs=(2,)))

    with pytest.raises(
        ProjectError, match=r"the model's input1 has shape \(2, 4\); expected a batch of 1 in front\. Convert the model with batch size 1"
    ):
        compile_file(order)


@needs_gnu
def test_gcc_may_build_it(order):
    """When the user asks for it."""
    assert 0 == compile_file(replace(order, making=making_of("tflm", "smallest", "gnu")))
    assert "built with arm-none-eabi-gcc -O2" in (order.out / "firmware" / "README.md").read_text()


@pytest.mark.parametrize(
    ("module", "told"),
    [
        (compilers, "found no C compiler for chips: the package ziglang is missing"),
        (machine, "found no emulated core: the package unicorn is missing"),
    ],
)
def test_sources_are_written_when_nothing_can_be_proven(order, monkeypatch, capsys, module, told):
    """With how to get what is missing; exit code 1."""
    monkeypatch.setattr(module, "find_spec", lambda name: None)

    assert 1 == compile_file(order)
    assert f"emberflow: the sources are written, but not proven: {told}; get it with pip install 'emberflow[chip]'" in capsys.readouterr().err
    assert (order.out / "firmware" / "model" / "small.c").is_file()


def test_outputs_that_do_not_vary_prove_nothing(order, tmp_path, capsys):
    """One sample twice."""
    np.save(tmp_path / "x.npy", np.zeros((2, 6, 6, 2), np.int8))

    assert 1 == compile_file(replace(order, samples=tmp_path / "x.npy"))
    assert "not proven: 2 samples gave 1 distinct output: a model whose outputs don't vary proves nothing" in capsys.readouterr().err


def test_a_product_that_fails_its_own_test_is_told(order, monkeypatch, capsys):
    """Its standardization rounds otherwise: the model is equal to TFLM, the product wrong. It is written, and the command ends with 1."""
    real = folder.render
    monkeypatch.setattr(folder, "render", lambda *given, **more: {p: t.replace(b"return whole + 1;", b"return whole;") for p, t in real(*given, **more).items()})  # fmt: skip  # noqa: E501

    np.save(order.model.with_name("x.npy"), np.random.default_rng(0).normal(0, 3, (16, 6, 6, 2)))

    assert 1 == compile_file(replace(order, samples=order.model.with_name("x.npy")))
    assert "emberflow: the sources are written, but not proven: the self-test passes " in (told := capsys.readouterr().err)
    assert " of 16 samples on the emulated cortex-m4f" in told
    assert "do not ship it" in (order.out / "firmware" / "README.md").read_text()


def test_a_model_that_does_not_fit_is_not_written(tiny, capsys):
    """But its figures are shown."""
    with pytest.raises(DoesNotFit, match=r"^needs [\d,]+ B more flash and 416 B more RAM than tiny has; try a smaller model, or another target"):
        compile_file(tiny)
    assert "B of 1 KiB" in capsys.readouterr().out
    assert not tiny.out.exists()


def test_an_operator_without_a_kernel_is_named(order, models):
    """With its place."""
    order.model.write_bytes(models.small_tflite(unknown=True))

    with pytest.raises(UnsupportedOperator, match=r"operator 1 COS at position 1 of 3: it has no kernel"):
        compile_file(order)


@pytest.mark.parametrize(
    ("text", "told"), [(b"no model", r"small\.tflite': LiteRT can't read the model \(8 B\)"), (None, "as the model, which can't be read")]
)
def test_what_is_no_model_is_told(order, text, told):
    """By its path; a missing file too."""
    order.model.unlink() if text is None else order.model.write_bytes(text)

    with pytest.raises(ProjectError, match=told):
        compile_file(order)


def test_the_folder_is_looked_at_first(order):
    """Before a second is spent."""
    order.out.mkdir()
    (order.out / "thesis.tex").touch()

    with pytest.raises(ProjectError, match="which exists and was not written by `emberflow compile`"):
        compile_file(replace(order, model=order.out / "nothing"))
