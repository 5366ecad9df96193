"""`emberflow verify`: says equal, or what differs, and ends accordingly."""

import json

import numpy as np
import pytest

from emberflow.adapters.publisher import Publisher
from emberflow.artifact import digest
from emberflow.cli import verify
from emberflow.cli.verify import verify_folder
from emberflow.compiler import compile_model
from emberflow.errors import BundleError, ProjectError
from emberflow.firmware.folder import Build
from emberflow.signing import make_keys
from tests.adapters.a_network import network
from tests.adapters.a_registry import make_bundle


def forge(folder, **fields):
    """The manifest with other `fields`, and with the digests of the files as they are now."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text()) | fields
    for name, facts in manifest["files"].items():
        data = (folder / name).read_bytes()
        facts |= {"sha256": digest(data), "size_bytes": len(data)}
    path.write_text(json.dumps(manifest))


def test_what_was_compiled_verifies(compiled, capsys):
    """Six findings, all well."""
    assert 0 == verify_folder(compiled)

    printed = capsys.readouterr()
    assert ("", 6) == (printed.err, printed.out.count("ok  "))
    assert "ok  built anew, and equal to TensorFlow Lite for Microcontrollers in every byte on 100 samples of random codes" in printed.out
    assert ": as measured before" in printed.out


def test_a_changed_file_ends_it(compiled):
    """Nothing is built of it."""
    (compiled / "firmware/model/small.c").write_text("int x;")

    with pytest.raises(BundleError, match=r"\(changed: firmware/model/small\.c\)"):
        verify_folder(compiled)


def test_a_forged_expectation_is_found(compiled, capsys):
    """The self-test is repeated with the files as they are: one expected code of the first vector is another."""
    vectors = compiled / "firmware/application/test_vectors.c"
    head, outputs = vectors.read_text().split("_test_outputs", 1)
    begin = outputs.index("{", outputs.index("{") + 1) + 1
    code = outputs[begin:].split(",", 1)[0]
    vectors.write_text(f"{head}_test_outputs{outputs[:begin]}{int(code) ^ 1}{outputs[begin + len(code) :]}")
    forge(compiled)

    assert 1 == verify_folder(compiled)
    assert "!!  of the product, built anew, the self-test passes 15 of 16 samples on the emulated cortex-m4f" in capsys.readouterr().out


def test_forged_outputs_are_found(compiled, capsys):
    """The manifest vouches for them; TFLM doesn't."""
    outputs = np.load(compiled / "vectors/outputs.npy")
    outputs[3, 1] ^= 1
    np.save(compiled / "vectors/outputs.npy", outputs)
    forge(compiled)

    assert 1 == verify_folder(compiled)
    printed = capsys.readouterr()
    assert "!!  TensorFlow Lite for Microcontrollers gives other outputs: 1 differ" in printed.out
    assert f"1 of 6 findings about '{compiled}' differ; see above" in printed.err


def test_forged_sources_are_found(compiled, capsys):
    """By compiling the model again, and by what they compute."""
    source = compiled / "firmware/model/small.c"
    text = source.read_text()
    begin = text.index("conv_2d_0_weights")
    place = text.index("{", begin) + 6
    source.write_text(text[:place] + "1" + text[place:])
    forge(compiled)

    assert 1 == verify_folder(compiled)
    out = capsys.readouterr().out
    assert "!!  this Emberflow compiles the model to other sources (small.c); they were written by " in out
    assert "!!  not proven: " in out


def test_forged_figures_are_found(compiled, capsys):
    """With what they really are."""
    manifest = json.loads((compiled / "manifest.json").read_text())
    manifest["on_chip"]["linked"]["flash_bytes"] = 12
    forge(compiled, on_chip=manifest["on_chip"])

    assert 1 == verify_folder(compiled)
    assert "!!  flash " in (out := capsys.readouterr().out)
    assert " instead of 12\n" in out


def test_a_missing_compiler_is_told(compiled, monkeypatch, capsys):
    """What can be looked at without it, is."""
    monkeypatch.setattr(verify, "try_to_prove", lambda *_: (None, "found no C compiler for chips"))

    assert 1 == verify_folder(compiled)
    assert "!!  not proven: found no C compiler for chips" in capsys.readouterr().out


def test_another_folder_is_refused(tmp_path):
    """Exit code 2, for the argument is wrong."""
    with pytest.raises(ProjectError, match=r"manifest\.json, which can't be read \(No such file or directory\); expected a file of a compiled model"):
        verify_folder(tmp_path)


@pytest.fixture
def published(tmp_path):
    """A bundle as it was published, signed; the public key lies beside."""
    make_bundle(tmp_path / "bundle", network())
    make_keys(tmp_path / "my.key")
    Publisher(str(tmp_path / "out"), tmp_path / "my.key").publish(tmp_path / "bundle", 1)
    return tmp_path / "out" / "versions" / "1"


def test_a_published_bundle_verifies_with_the_key_of_who_published_it(published, tmp_path, capsys):
    """Digests and signature; without a key it says what was not looked at."""
    assert 0 == verify_folder(published, tmp_path / "my.key.pub")
    printed = capsys.readouterr().out
    assert "files of watch, int8 for stm32f405, have the digests of the manifest" in printed
    assert f"ok  the manifest is signed by the owner of {tmp_path / 'my.key.pub'}" in printed

    assert 0 == verify_folder(published)
    assert "ok  who made it was not looked at: give --key to check the signature" in capsys.readouterr().out


@pytest.fixture
def bundle(tmp_path):
    """A bundle with firmware."""
    make_bundle(tmp_path / "bundle", network(), Build(compile_model(network(), "watch").files))
    return tmp_path / "bundle"


def test_the_self_test_of_a_bundle_is_repeated(bundle, capsys):
    """Built of its files; then with another quantization in them, for which the manifest vouches."""
    assert 0 == verify_folder(bundle)
    assert "ok  of the product, built anew, the self-test passes 4 of 4 samples on the emulated cortex-m4f" in capsys.readouterr().out

    source = bundle / "firmware/application/preprocess.c"
    source.write_text(source.read_text().replace("round_half_away(steps) +", "round_half_away(steps) + 1 +"))
    forge(bundle)
    assert 1 == verify_folder(bundle)
    assert "!!  of the product, built anew, the self-test passes 0 of 4 samples" in capsys.readouterr().out


def test_a_bundle_whose_c_does_not_compile_is_told(bundle, capsys):
    """Somebody vouched for it all the same."""
    (bundle / "firmware/application/board.c").write_text("int f(void) { return nothing; }")
    forge(bundle)

    assert 1 == verify_folder(bundle)
    assert "!!  the product can't be built anew: the C compiler refused the sources" in capsys.readouterr().out


def test_without_a_compiler_a_bundle_verifies_but_for_its_self_test(bundle, capsys, monkeypatch):
    """Who checks a signature need not have one; it is said."""
    monkeypatch.setattr("emberflow.adapters.toolchain.find_spec", lambda _: None)

    assert 0 == verify_folder(bundle)
    assert "ok  the self-test was not repeated: found no C compiler for chips: the package ziglang is missing" in capsys.readouterr().out


def test_a_bundle_by_somebody_else_or_altered_does_not_verify(published, tmp_path):
    """Another key; a file that was changed; a manifest that was written anew without the key; none that was signed."""
    (tmp_path / "else").mkdir()
    other = make_keys(tmp_path / "else" / "key")
    with pytest.raises(BundleError, match=r"manifest\.json, whose signature is not by this key"):
        verify_folder(published, other)

    (published / "model_card.md").write_text("other words")
    with pytest.raises(BundleError, match=r"changed: model_card\.md"):
        verify_folder(published, tmp_path / "my.key.pub")

    forge(published)
    with pytest.raises(BundleError, match=r"manifest\.json, whose signature is not by this key"):
        verify_folder(published, tmp_path / "my.key.pub")

    with pytest.raises(BundleError, match=r"manifest\.sig, which can't be read .*; expected a file of a signed bundle"):
        verify_folder(tmp_path / "bundle", tmp_path / "my.key.pub")


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda folder: (folder / "watch.tflite").write_bytes(b"\0" + (folder / "watch.tflite").read_bytes()[1:]), r"\(changed: watch\.tflite\)"),
        (lambda folder: (folder / "src/labels.h").unlink(), r"\(missing: src/labels\.h\)"),
        (lambda folder: (folder / "src/extra.h").touch(), r"\(extra: src/extra\.h\)"),
        (lambda folder: (folder / "src/more").symlink_to("/etc"), r"which holds src/more: a link or no file at all"),
        (lambda folder: (folder / "manifest.sig").unlink(), r"manifest\.sig, which can't be read"),
        (lambda folder: (folder / "manifest.sig").write_text("AAAA"), r"manifest\.json, whose signature is not by this key"),
        (lambda folder: forge(folder, project="other"), r"manifest\.json, whose signature is not by this key"),
    ],
)
def test_each_fault_of_a_bundle_is_told(published, tmp_path, spoil, told):
    """One byte, a file that is gone, one that came, a link; no signature, one of nothing, one of another manifest."""
    spoil(published)

    with pytest.raises(BundleError, match=told):
        verify_folder(published, tmp_path / "my.key.pub")


def test_a_key_for_a_folder_that_is_not_signed_is_told(compiled, tmp_path):
    """What `compile` writes never leaves the house by itself."""
    with pytest.raises(ProjectError, match=r"received --key for '.*', which is no bundle; expected one: only what is published is signed"):
        verify_folder(compiled, make_keys(tmp_path / "my.key"))
