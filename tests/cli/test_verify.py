"""`emberflow verify`: says equal, or what differs, and ends accordingly."""

import json

import numpy as np
import pytest

from emberflow.artifact import digest
from emberflow.cli import verify
from emberflow.cli.verify import verify_folder
from emberflow.errors import BundleError, ProjectError


def forge(folder, **fields):
    """The manifest with other `fields`, and with the digests of the files as they are now."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text()) | fields
    for name, facts in manifest["files"].items():
        data = (folder / name).read_bytes()
        facts |= {"sha256": digest(data), "size_bytes": len(data)}
    path.write_text(json.dumps(manifest))


def test_what_was_compiled_verifies(compiled, capsys):
    """Five findings, all well."""
    assert 0 == verify_folder(compiled)

    printed = capsys.readouterr()
    assert ("", 5) == (printed.err, printed.out.count("ok  "))
    assert "ok  built anew, and equal to TensorFlow Lite for Microcontrollers in every byte on 100 samples of random codes" in printed.out
    assert ": as measured before" in printed.out


def test_a_changed_file_ends_it(compiled):
    """Nothing is built of it."""
    (compiled / "firmware/model/small.c").write_text("int x;")

    with pytest.raises(BundleError, match=r"\(changed: firmware/model/small\.c\)"):
        verify_folder(compiled)


def test_forged_outputs_are_found(compiled, capsys):
    """The manifest vouches for them; TFLM doesn't."""
    outputs = np.load(compiled / "vectors/outputs.npy")
    outputs[3, 1] ^= 1
    np.save(compiled / "vectors/outputs.npy", outputs)
    forge(compiled)

    assert 1 == verify_folder(compiled)
    printed = capsys.readouterr()
    assert "!!  TensorFlow Lite for Microcontrollers gives other outputs: 1 differ" in printed.out
    assert f"1 of 5 findings about '{compiled}' differ; see above" in printed.err


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
